//! What the fuzz targets of fuzz/ check, for their seeds and for some thousand mutations of them: no
//! fuzzer is needed for that. `make fuzz` looks further.

#[path = "../fuzz/properties.rs"]
mod properties;
mod random;

use std::{fs, panic, path::Path};

use random::Random;

#[test]
fn any_text_is_read_or_refused() {
    check("parse", properties::parse, 1500);
}

#[test]
fn fires_of_any_expression_are_in_order() {
    check("next", properties::next, 250);
}

fn check(target: &str, property: fn(&[u8]), mutations: usize) {
    let seeds = seeds(target);
    for seed in &seeds {
        property(seed);
    }
    let mut random = Random(12);
    for _ in 0..mutations {
        let input = mutated(&mut random, &seeds);
        if let Err(found) = panic::catch_unwind(|| property(&input)) {
            eprintln!(
                "to keep it, put this into fuzz/seeds/{target}: {:?}",
                String::from_utf8_lossy(&input)
            );
            panic::resume_unwind(found);
        }
    }
}

/// A seed with up to four bytes more, fewer or other, or the rest of another seed.
fn mutated(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[random.below(seeds.len() as u64) as usize].clone();
    for _ in 0..1 + random.below(4) {
        let at = random.below(input.len() as u64 + 1) as usize;
        let usual = b"0123456789*/-,?LWH#@+ =\nsmhTZ";
        let byte = if random.one_in(8) {
            random.below(256) as u8
        } else {
            random.of(usual)
        };
        match random.below(4) {
            0 if at < input.len() => drop(input.remove(at)),
            1 if at < input.len() => input[at] = byte,
            2 => {
                let other = &seeds[random.below(seeds.len() as u64) as usize];
                input.truncate(at);
                input.extend(&other[at.min(other.len())..]);
            }
            _ => input.insert(at, byte),
        }
    }
    input
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 20, "only {} seeds", files.len());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}
