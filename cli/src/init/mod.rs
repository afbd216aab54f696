//! `farm init`: suggests a `farm.toml`.

mod kind;
mod name;
mod render;
mod top;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::session::Session;
use crate::text::counted;
use kind::Plan;
use top::Top;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm init                      show the suggestion for this folder
  farm init ../other --write     create ../other/farm.toml
  farm init --write --force      also over the one that is there

It looks for Cargo.toml, go.mod, package.json, pyproject.toml, requirements.txt and Makefile at the top of the \
repository, and suggests one builder for each. Nothing is run.")]
pub struct Args {
    /// The top of the repository
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Create farm.toml instead of showing it
    #[arg(long)]
    write: bool,
    /// Overwrite the one that is there
    #[arg(long, requires = "write")]
    force: bool,
}

/// Shows or writes the suggestion.
///
/// # Errors
/// There is no such folder, or `farm.toml` is there or cannot be written.
pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let dir = &args.dir;
    let whole = dir
        .canonicalize()
        .with_context(|| format!("there is no folder {}", dir.display()))?;
    if !whole.is_dir() {
        bail!(
            "{} is not a folder: name the top of a repository",
            dir.display()
        );
    }
    let plans = kind::find(&Top::new(&whole));
    let text = render::farm_toml(&name::of_folder(&whole), &plans);
    if args.write {
        write(&dir.join("farm.toml"), &text, args.force)?;
        session.print(&written(dir, &plans))?;
    } else {
        session.write(text.as_bytes())?;
        session.note(&shown(args, &whole));
    }
    if let Some(warning) = misplaced(&whole) {
        session.note(&warning);
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} is already there: --force overwrites it", path.display())
        }
        written => written.with_context(|| format!("cannot write {}", path.display())),
    }
}

/// What was written, and what comes next.
fn written(dir: &Path, plans: &[Plan]) -> String {
    let builders: Vec<&str> = plans.iter().map(|plan| plan.builder).collect();
    let count = counted(plans.len(), "builder", "builders");
    let file = dir.join("farm.toml");
    let dir = quoted(dir);
    format!(
        "wrote {} with {count}: {}\n\
         next, look at it and commit it; the farm builds what is committed:\n\
         \x20 git -C {dir} add farm.toml\n\
         \x20 git -C {dir} commit -m 'farm: describe the builds'\n\
         \x20 farm up --repo {dir}",
        file.display(),
        builders.join(", "),
    )
}

fn shown(args: &Args, whole: &Path) -> String {
    let dir = quoted(&args.dir);
    if whole.join("farm.toml").exists() {
        format!(
            "{dir} has a farm.toml already: `farm init {dir} --write --force` overwrites it with this"
        )
    } else {
        format!("`farm init {dir} --write` creates this file")
    }
}

/// The farm reads `farm.toml` at the top of a repository, and nowhere else.
fn misplaced(whole: &Path) -> Option<String> {
    let top = whole.ancestors().find(|dir| dir.join(".git").exists());
    match top {
        Some(top) if top == whole => None,
        Some(top) => Some(format!(
            "warning: the farm reads farm.toml at the top of the repository, which is {}",
            top.display()
        )),
        None => Some(format!(
            "warning: {} is no git repository yet, and the farm builds commits: `git init` makes it one",
            whole.display()
        )),
    }
}

/// A path that can be pasted into a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+=,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted() {
        assert_eq!(quoted(Path::new("../a-b")), "../a-b");
        assert_eq!(quoted(Path::new("it's here")), r"'it'\''s here'");
    }
}
