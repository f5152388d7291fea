//! The generated files are what the program and the scripts print today. What is in them is tested elsewhere.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    thread,
};

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

#[test]
fn the_templates_of_the_definitions_are_fresh() -> Result<()> {
    for (plural, _) in punctual::api::definitions() {
        let file = format!("{plural}.punctual.dev.yaml");
        let definition = fs::read_to_string(format!("crds/{file}"))?;
        let template = printed("hack/chart-crd", &[], &definition)?;
        compare(&format!("charts/punctual-crds/templates/{file}"), &template)?;
    }
    Ok(())
}

#[test]
fn braces_in_a_definition_are_no_template() -> Result<()> {
    let template = printed("hack/chart-crd", &[], "description: such as {{name}}\n")?;
    ensure!(
        template == "description: such as {{ \"{{\" }}name}}\n",
        "{template}"
    );
    Ok(())
}

#[test]
fn the_tables_of_the_charts_values_are_fresh() -> Result<()> {
    for chart in ["charts/punctual", "charts/punctual-crds"] {
        let readme = printed("hack/chart-readme", &[chart], "")?;
        compare(&format!("{chart}/README.md"), &readme)?;
    }
    Ok(())
}

#[test]
fn the_charts_and_the_image_are_of_this_version() -> Result<()> {
    for chart in ["charts/punctual", "charts/punctual-crds"] {
        let text = fs::read_to_string(format!("{chart}/Chart.yaml"))?;
        for field in ["version", "appVersion"] {
            let line = format!("\n{field}: {}\n", env!("CARGO_PKG_VERSION"));
            ensure!(text.contains(&line), "{chart}: another {field}");
        }
    }
    let deploy = fs::read_to_string("deploy/kustomization.yaml")?;
    let tag = format!("newTag: {}\n", env!("CARGO_PKG_VERSION"));
    ensure!(deploy.contains(&tag), "deploy/ has another tag");
    let dockerfile = fs::read_to_string("Dockerfile")?;
    let label = concat!("image.version=\"", env!("CARGO_PKG_VERSION"), "\"\n");
    ensure!(
        dockerfile.contains(label),
        "the Dockerfile has another version"
    );
    Ok(())
}

fn check(file: &str, arguments: &[&str]) -> Result<()> {
    let program = env!("CARGO_BIN_EXE_punctual");
    compare(file, &printed(program, arguments, "")?)
}

/// What the program prints.
fn printed(program: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // Those that print while they read take more than a pipe holds.
    let mut stdin = child.stdin.take().context("no standard input")?;
    let input = input.to_owned();
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{program} {} failed",
        arguments.join(" ")
    );
    writer.join().expect("the writer doesn't panic")?;
    Ok(String::from_utf8(output.stdout)?)
}

fn compare(file: &str, printed: &str) -> Result<()> {
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
