//! The files that are named on the command line → the schedules and calendars in them.

use std::{
    fs::File,
    io::{Read, stdin},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use punctual::{
    cluster::{
        file_source::Files,
        manifest::{self, Contents, MAX_BYTES},
    },
    core::almanac::Almanac,
};

/// Where schedules stand.
#[derive(Args)]
pub struct FileFlags {
    /// A schedule file or a manifest, a folder of them, or - for the standard input. May be given
    /// several times.
    #[arg(long, short, value_name = "FILE")]
    pub filename: Vec<PathBuf>,

    /// The namespace of schedules that name none. Default: that of the kubeconfig's context where
    /// the cluster is asked, else default.
    #[arg(long, env = "PUNCTUAL_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
}

/// The namespace of schedules that name none, for whom no cluster is asked.
pub const OFFLINE_NAMESPACE: &str = "default";

/// What all files ask for, read with the zones of an almanac.
///
/// # Errors
///
/// A file that can't be read. What is wrong in a file is in the contents.
pub fn read(paths: &[PathBuf], namespace: &str, almanac: &Almanac) -> anyhow::Result<Contents> {
    let almanac = Arc::new(almanac.clone());
    let mut contents = Contents::default();
    for path in paths {
        if path.is_dir() {
            contents.add(read_folder(path, namespace, &almanac)?);
        } else {
            contents.add(read_file(path, namespace, &almanac)?);
        }
    }
    contents.refuse_doubles();
    Ok(contents)
}

fn read_file(path: &Path, namespace: &str, almanac: &Arc<Almanac>) -> anyhow::Result<Contents> {
    let name = path.display().to_string();
    let (text, shown, beside) = if name == "-" {
        let text = text_of(stdin().lock()).context("the standard input")?;
        (text, "stdin".to_owned(), PathBuf::from("stdin"))
    } else {
        let file = File::open(path).with_context(|| format!("can't read {name}"))?;
        let text = text_of(file).with_context(|| format!("can't read {name}"))?;
        (text, name, path.to_owned())
    };
    let files = Files::new(beside, None, namespace.to_owned(), almanac.clone());
    let template = |name: &str| files.template(name);
    Ok(manifest::read(&text, &shown, namespace, almanac, template))
}

/// The files of a folder that look like YAML or JSON, in the order of their names; not those of
/// folders in it.
fn read_folder(folder: &Path, namespace: &str, almanac: &Arc<Almanac>) -> anyhow::Result<Contents> {
    let shown = folder.display();
    let mut paths = Vec::new();
    for entry in folder
        .read_dir()
        .with_context(|| format!("can't read {shown}"))?
    {
        let path = entry.with_context(|| format!("can't read {shown}"))?.path();
        let known = ["yml", "yaml", "json"];
        let extension = path.extension().and_then(|it| it.to_str());
        if extension.is_some_and(|it| known.contains(&it)) && path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        bail!("{shown} has no .yml, .yaml or .json file");
    }
    paths.sort();
    let mut contents = Contents::default();
    for path in paths {
        let found = read_file(&path, namespace, almanac)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A folder often has more in it than what is ours, such as a kustomization.
        if found.is_schedule_file && !name.contains("schedule") {
            contents.passed_over(
                &path.display().to_string(),
                "is no manifest, and its name doesn't say that it is a schedule file: it was \
                 passed over",
            );
        } else {
            contents.add(found);
        }
    }
    Ok(contents)
}

fn text_of(from: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() <= MAX_BYTES,
        "it is larger than 8 MiB: split it"
    );
    String::from_utf8(bytes).context("it is not UTF-8 text")
}
