//! `--failed --into`: the logs of all that failed, as files. What is there is not read again: the log of a run that is over does
//! not change.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use farm_model::id::{BuilderName, RepoName};

use crate::failures::{Failed, Which, failed, read_log};
use crate::lookup::Pages;
use crate::server::Server;
use crate::session::Session;
use crate::text::{counted, plain};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
pub struct Many {
    /// Those of all builds that failed among the newest commits
    #[arg(long, conflicts_with_all = ["build", "follow"], requires = "into")]
    failed: bool,
    /// The folder for them: DIR/COMMIT/BUILDER-RUN.log
    #[arg(long, value_name = "DIR", requires = "failed")]
    into: Option<PathBuf>,
    /// Only of this builder
    #[arg(long, value_name = "NAME", requires = "failed")]
    builder: Option<BuilderName>,
    /// Only of this repository
    #[arg(long, value_name = "NAME", requires = "failed")]
    repo: Option<RepoName>,
    /// Of this branch [default: the repository's default branch]
    #[arg(long, value_name = "NAME", requires = "failed")]
    branch: Option<String>,
}

/// Keeps what is not there yet. What goes wrong with one is told, and the others go on.
///
/// # Errors
/// There is no such branch, or no usable answer.
pub(super) async fn run(
    args: &Many,
    server: &Server,
    session: &mut Session,
) -> anyhow::Result<ExitCode> {
    let folder = args.into.as_deref().context("--into names the folder")?;
    let pages = Pages::chosen(server, args.repo.as_ref(), args.branch.as_deref()).await?;
    let which = Which {
        builder: args.builder.as_ref(),
        ..Which::default()
    };
    let (mut there, mut bad) = (0, 0);
    let all = failed(&pages, &which);
    for failed in &all {
        let path = path(folder, failed);
        if path.exists() {
            there += 1;
            continue;
        }
        match keep(server, failed, &path).await {
            Ok(()) => session.print(&path.display().to_string())?,
            Err(error) => {
                bad += 1;
                session.note(&plain(&format!("{}: {error:#}", failed.name())));
            }
        }
    }
    let logs = counted(all.len() - there - bad, "log", "logs");
    session.note(&format!("kept {logs}; {there} were there; {bad} failed"));
    Ok(match bad {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn path(folder: &Path, failed: &Failed) -> PathBuf {
    let name = format!("{}-{}.log", failed.builder, failed.run);
    folder.join(failed.commit.as_str()).join(name)
}

/// Under another name first, so that what lies there under its own is whole.
async fn keep(server: &Server, failed: &Failed, path: &Path) -> anyhow::Result<()> {
    let log = read_log(server, failed).await?;
    let cannot = || format!("cannot write {}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let part = path.with_extension("part");
    std::fs::write(&part, log).with_context(cannot)?;
    std::fs::rename(&part, path).with_context(cannot)
}
