//! `farm retrybuilds`: the command of 2019 with its flags, against a farm of ours or of then (spec `dashboard.md` 11). What goes
//! wrong with one build is told, and the others go on.

mod dashboard;
mod flags;
mod keys;

use std::process::ExitCode;

use anyhow::bail;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::dashboard::{Dashboard, Line};
use self::flags::Flags;
use self::keys::Keys;
use crate::failures::flaky::is_flaky;
use crate::session::Session;
use crate::text::{counted, plain};

/// Logs that are read at the same time, as in 2019.
const AT_ONCE: usize = 50;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(
    disable_help_flag = true,
    after_help = "Examples:
  farm retrybuilds -builder linux-amd64 -hash 5b0c9d1e -key ~/keys/linux-amd64
  farm retrybuilds -redo-flaky -builder-prefix http://127.0.0.1:8080
  farm retrybuilds -loghash a94a8fe5

The flags of the command of 2019, with one dash or two; `retrybuilds` as a link to `farm` is the same. -help lists them.
Exit code: 0 all done, 1 not all, 3 nothing could be done."
)]
pub struct Args {
    /// Flags of 2019
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "FLAGS"
    )]
    words: Vec<String>,
}

/// Clears what the flags say.
///
/// # Errors
/// The flags make no sense, there is no key, or the failures cannot be listed.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let Some(flags) = Flags::read(&args.words)? else {
        session.print(flags::HELP)?;
        return Ok(ExitCode::SUCCESS);
    };
    let dashboard = Dashboard::open(&flags.builder_prefix)?;
    let keys = Keys::read(&flags, session)?;
    let mut tally = Tally::default();
    for line in chosen(&flags, &dashboard, &mut tally, session).await? {
        let done = clear(&dashboard, &keys, &line, session).await;
        tally.count(&line, done, session)?;
    }
    let (done, failed) = (counted(tally.done, "result", "results"), tally.failed);
    session.note(&format!("cleared {done}; {failed} failed"));
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

#[derive(Default)]
struct Tally {
    done: usize,
    failed: usize,
}

impl Tally {
    fn count(
        &mut self,
        line: &Line,
        done: anyhow::Result<()>,
        session: &mut Session,
    ) -> anyhow::Result<()> {
        let what = format!("{} {}", line.commit, line.builder);
        match done {
            Ok(()) => {
                self.done += 1;
                session.print(&plain(&format!("cleared {what}")))
            }
            Err(error) => {
                self.failed += 1;
                session.note(&plain(&format!("{what}: {error:#}")));
                Ok(())
            }
        }
    }
}

/// What to clear. The hash of a log goes before -redo-flaky, and that before a builder.
async fn chosen(
    flags: &Flags,
    dashboard: &Dashboard,
    tally: &mut Tally,
    session: &mut Session,
) -> anyhow::Result<Vec<Line>> {
    if !flags.loghash.is_empty() {
        let mut lines = dashboard.failures(&flags.branch).await?;
        lines.retain(|line| line.has_log(&flags.loghash));
        return Ok(lines);
    }
    if flags.redo_flaky {
        let mut lines = dashboard.failures(&flags.branch).await?;
        lines.retain(|line| flags.builder.is_empty() || line.builder == flags.builder);
        return flaky(dashboard, lines, tally, session).await;
    }
    if flags.builder.is_empty() {
        bail!("missing flag: -builder, -loghash or -redo-flaky; -help lists all");
    }
    if flags.hash.len() == 40 {
        return Ok(vec![Line {
            commit: flags.hash.clone(),
            builder: flags.builder.clone(),
            log: String::new(),
        }]);
    }
    let mut lines = dashboard.failures(&flags.branch).await?;
    lines.retain(|line| line.builder == flags.builder && line.commit.starts_with(&flags.hash));
    if lines.is_empty() && !flags.hash.is_empty() {
        bail!(
            "no failure of {} on a commit {} is listed: write all 40 digits",
            flags.builder,
            flags.hash
        );
    }
    Ok(lines)
}

/// Those whose logs look so, in the order in which they were listed.
async fn flaky(
    dashboard: &Dashboard,
    lines: Vec<Line>,
    tally: &mut Tally,
    session: &mut Session,
) -> anyhow::Result<Vec<Line>> {
    let turns = std::sync::Arc::new(Semaphore::new(AT_ONCE));
    let mut reading = JoinSet::new();
    for (index, line) in lines.into_iter().enumerate() {
        let (dashboard, turns) = (dashboard.clone(), std::sync::Arc::clone(&turns));
        reading.spawn(async move {
            let turn = turns.acquire_owned().await;
            let log = dashboard.log(&line).await;
            drop(turn);
            (index, line, log)
        });
    }
    let mut read = reading.join_all().await;
    read.sort_by_key(|(index, ..)| *index);
    let mut flaky = Vec::new();
    for (_, line, log) in read {
        match log {
            Ok(log) if is_flaky(&log) => flaky.push(line),
            Ok(_) => {}
            Err(error) => tally.count(&line, Err(error), session)?,
        }
    }
    Ok(flaky)
}

async fn clear(
    dashboard: &Dashboard,
    keys: &Keys,
    line: &Line,
    session: &Session,
) -> anyhow::Result<()> {
    let key = keys.of(&line.builder);
    dashboard.clear(line, &key, session.pause).await
}
