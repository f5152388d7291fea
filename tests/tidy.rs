//! The rules of the source itself: who may name whom, and how long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The longest a file may be, without its tests. A longer one is about to be two files.
const LONGEST: usize = 400;

#[test]
fn core_names_nothing_that_touches_the_outside() {
    for file in sources(&["src/core"]) {
        file.names_none_of(&["kube", "k8s_openapi", "tokio", "tracing", "axum"]);
    }
}

#[test]
fn core_is_told_the_time() {
    for file in sources(&["src/core"]) {
        file.names_none_of(&[
            "crate::clock",
            "std::time::SystemTime",
            "std::time::Instant",
        ]);
    }
}

#[test]
fn core_and_api_name_nothing_above_them() {
    for file in sources(&["src/core", "src/api"]) {
        file.names_none_of(&[
            "crate::cluster",
            "crate::driver",
            "super::super::cluster",
            "super::super::driver",
        ]);
    }
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for file in sources(&["src", "tests", "benches"]) {
        assert!(
            file.text.starts_with("//! "),
            "{} should open with a `//!` sentence",
            file.name
        );
    }
}

#[test]
fn no_file_is_too_long() {
    for file in sources(&["src"]) {
        let lines = file.code().count();
        assert!(
            lines <= LONGEST,
            "{} has {lines} lines without its tests: the limit is {LONGEST}",
            file.name
        );
    }
}

#[test]
fn no_file_is_named_for_nothing_in_particular() {
    for file in sources(&["src"]) {
        for name in [
            "util", "utils", "helper", "helpers", "common", "manager", "misc",
        ] {
            let own = |part: &str| part.trim_end_matches(".rs") == name;
            assert!(!file.name.split('/').any(own), "{} says nothing", file.name);
        }
    }
}

#[test]
fn a_name_is_found_as_a_path_and_not_in_a_comment_or_as_a_part() {
    let names = |text: &str| {
        let text = text.to_owned();
        let name = String::new();
        Source { name, text }.first_use_of("kube").is_some()
    };
    assert!(names("use kube::Api;"));
    assert!(names("use kube as k;"));
    assert!(names("fn f(api: ::kube::Api) {}"));
    assert!(names("#[cfg(test)]\nmod tests {\n use kube::Api;\n}"));
    assert!(!names("// kube::Api is not for us"));
    assert!(!names("let x = 1; // unlike kube::Api"));
    assert!(!names("use minikube::Api; use kube_core::Resource;"));
    assert!(!names("let kube = 1;"));
}

struct Source {
    /// Its path in the repository, with slashes.
    name: String,
    text: String,
}

impl Source {
    /// Its lines up to its unit tests, which may be a file of their own.
    fn code(&self) -> impl Iterator<Item = &str> {
        let lines = if self.name.ends_with("/tests.rs") {
            ""
        } else {
            &self.text
        };
        lines.lines().take_while(|line| *line != "#[cfg(test)]")
    }

    fn names_none_of(&self, names: &[&str]) {
        for name in names {
            if let Some(line) = self.first_use_of(name) {
                panic!("{} may not name {name}, but does in line {line}", self.name);
            }
        }
    }

    /// The line, from 1, that first has the name in a path or a `use`, in the tests as well.
    fn first_use_of(&self, name: &str) -> Option<usize> {
        let uses = |line: &str| {
            let code = line.split("//").next().unwrap_or_default();
            code.match_indices(name).any(|(at, _)| {
                let before = &code[..at];
                let after = &code[at + name.len()..];
                let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
                whole && (after.starts_with("::") || before.trim_end().ends_with("use"))
            })
        };
        Some(1 + self.text.lines().position(uses)?)
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// All Rust files in the folders of the repository that exist.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in folders {
        collect(root, &root.join(folder), &mut found);
    }
    assert!(!found.is_empty(), "there is no source in {folders:?}");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return; // not every folder is there yet
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { name, text });
        }
    }
}
