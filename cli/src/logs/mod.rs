//! `farm logs`: the log of a build's newest attempt, or of the attempt named.

mod failed;
mod follow;
mod which;

use std::process::ExitCode;

use anyhow::{Context, bail};
use farm_model::id::{AttemptKey, BuildId};
use farm_model::view::BuildView;

use crate::lookup::{Pages, Wanted};
use crate::server::{LogPiece, Server, ServerArgs, ServerError};
use crate::session::Session;
use crate::text::plain;
use follow::Follower;
pub use which::newest as newest_attempt;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm logs lint@5b0c9d1e           the builder lint on the commit that begins so
  farm logs 3f2a                    the build whose id begins so
  farm logs 3f2a --follow           until the build is over, through losses and new attempts
  farm logs 3f2a…/1/steps/2         the second attempt of a job, by its whole name
  farm logs --failed --into logs    those of all that failed among the newest commits, into a folder
  farm logs --failed --builder lint --branch release --into logs

The log goes to standard output as it is; what is said beside it goes to standard error. The exit code says whether the \
log could be shown, not how the build ended.")]
pub struct Args {
    /// A build's id or its first digits, BUILDER@COMMIT, or BUILD/RUN/JOB/ATTEMPT
    #[arg(value_name = "BUILD", required_unless_present = "failed")]
    build: Option<Wanted>,
    /// Go on until the build is over
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    many: failed::Many,
    #[command(flatten)]
    server: ServerArgs,
}

/// What is shown.
#[derive(Debug)]
enum Target {
    /// The newest attempt, and the next one if it is lost.
    Newest(BuildId),
    /// This one, whatever comes after it.
    Exactly(AttemptKey),
}

impl Target {
    fn build(&self) -> &BuildId {
        match self {
            Self::Newest(build) => build,
            Self::Exactly(key) => &key.build,
        }
    }
}

/// Shows the log.
///
/// # Errors
/// The build is not known, there is no log, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let server = args.server.open()?;
    let target = match &args.build {
        None => return failed::run(&args.many, &server, session).await,
        Some(Wanted::Attempt(key)) => Target::Exactly(key.clone()),
        Some(Wanted::Build(id)) => Target::Newest(id.clone()),
        Some(other) => Target::Newest(Pages::all(&server).await?.build(other)?),
    };
    if args.follow {
        Follower::new(&server, target).run(session).await?;
    } else {
        show(&server, target, session).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What there is of the log now.
async fn show(server: &Server, target: Target, session: &mut Session) -> anyhow::Result<()> {
    let key = match target {
        Target::Exactly(key) => key,
        Target::Newest(build) => newest(server, &build, session).await?,
    };
    let mut from = 0;
    while let Some(mut piece) = server.log(&key, from).await? {
        copy(&mut piece, session).await?;
        let before = std::mem::replace(&mut from, piece.next());
        if !piece.goes_on() || from == before {
            break;
        }
    }
    if from == 0 {
        tell_nothing(server, &key, session).await?;
    }
    Ok(())
}

/// Not a byte of log was there: the farm answers the same for an attempt that has said nothing and for one that it does
/// not know.
async fn tell_nothing(
    server: &Server,
    key: &AttemptKey,
    session: &mut Session,
) -> anyhow::Result<()> {
    let view = known(server, &key.build).await?;
    let Some(attempt) = which::attempt(&view, key) else {
        bail!("there is no attempt {key} (yet)");
    };
    if !which::has_ended(attempt) {
        bail!("there is no log of {key} yet: --follow waits for it");
    }
    session.note(&format!("the log of {key} is empty"));
    Ok(())
}

async fn known(server: &Server, build: &BuildId) -> anyhow::Result<BuildView> {
    let view = server.build(build).await?;
    view.with_context(|| format!("the farm knows no build {build}"))
}

async fn newest(
    server: &Server,
    build: &BuildId,
    session: &mut Session,
) -> anyhow::Result<AttemptKey> {
    let view = known(server, build).await?;
    let Some(key) = which::newest(&view) else {
        bail!(
            "build {build} has not begun: {}; --follow waits for its log",
            plain(&view.why)
        );
    };
    if which::is_over(&view, None) {
        return Ok(key);
    }
    let why = plain(&view.why);
    session.note(&format!(
        "{} is not over ({why}): --follow goes on",
        view.build.key.builder
    ));
    Ok(key)
}

/// Passes the log on as it arrives.
async fn copy(piece: &mut LogPiece, session: &mut Session) -> anyhow::Result<()> {
    while let Some(chunk) = piece.chunk().await? {
        session.write(&chunk)?;
    }
    Ok(())
}

/// Whether asking again may help.
fn is_passing(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ServerError::Again(_)))
}
