//! The generated files are what the program prints today. What is in them is tested elsewhere.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

#[test]
fn the_definitions_are_fresh() -> Result<()> {
    let kustomization = fs::read_to_string("crds/kustomization.yaml")?;
    for (plural, _) in punctual::api::definitions() {
        let file = format!("{plural}.punctual.dev.yaml");
        check(&format!("crds/{file}"), &["crd", plural])?;
        ensure!(
            kustomization.contains(&format!("  - {file}\n")),
            "crds/kustomization.yaml leaves out {file}"
        );
    }
    Ok(())
}

#[test]
fn the_reference_is_fresh() -> Result<()> {
    for page in ["examples", "flags", "metrics", "reasons"] {
        check(&format!("docs/{page}.md"), &["reference", page])?;
    }
    Ok(())
}

fn check(file: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_punctual"))
        .args(arguments)
        .output()?;
    ensure!(
        output.status.success(),
        "punctual {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    let printed = String::from_utf8(output.stdout)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let committed = fs::read_to_string(path).with_context(|| format!("cannot read {file}"))?;
    let differs = committed
        .lines()
        .zip(printed.lines())
        .position(|(committed, printed)| committed != printed);
    ensure!(
        committed == printed,
        "{file} is not what the code makes (first difference: line {}): run `make generate` and \
         commit the result",
        1 + differs.unwrap_or(committed.lines().count().min(printed.lines().count())),
    );
    Ok(())
}
