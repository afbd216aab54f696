//! What people ask the farm for: `farm cancel`, `pause`, `resume`, `drain`, `undrain`; and `farm audit`: who asked for what.

mod ask;
pub mod audit;

use std::process::ExitCode;

use farm_model::id::{BuilderName, MachineName};
use farm_model::message::command::Ask;

pub use self::ask::{CallerArgs, CommandArgs};
use crate::lookup::{Pages, Wanted};
use crate::session::Session;

/// `farm cancel`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm cancel 3f2a
  farm cancel lint@5b0c9d1e

What runs of it is ended on its machines, what waits never begins, and the run counts as lost: never as red.
Exit code: 0 accepted, 1 refused, 3 the farm could not be asked.")]
pub struct CancelArgs {
    /// The build: its id or the first digits of it, or BUILDER@COMMIT
    #[arg(value_name = "BUILD")]
    build: Wanted,
    #[command(flatten)]
    how: CommandArgs,
}

/// `farm pause`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm pause linux-arm --reason 'the new images are broken'

Nothing of the builder is leased until `farm resume`; what runs goes on, and new builds wait, saying why.")]
pub struct PauseArgs {
    #[command(flatten)]
    of: Builder,
    #[command(flatten)]
    why: Why,
}

/// `farm resume`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm resume linux-arm")]
pub struct ResumeArgs {
    #[command(flatten)]
    of: Builder,
}

/// `farm drain`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm drain attic --reason 'new disk on Tuesday'

Nothing more is leased to the machine until `farm undrain`; what it runs goes on.")]
pub struct DrainArgs {
    #[command(flatten)]
    of: Machine,
    #[command(flatten)]
    why: Why,
}

/// `farm undrain`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm undrain attic

Uses a machine again that was drained, or that the farm has set aside because it lost too much.")]
pub struct UndrainArgs {
    #[command(flatten)]
    of: Machine,
}

/// Of which builder something is asked.
#[derive(Debug, Clone, clap::Args)]
struct Builder {
    /// The builder
    #[arg(value_name = "BUILDER")]
    builder: BuilderName,
    #[command(flatten)]
    how: CommandArgs,
}

/// Of which machine something is asked.
#[derive(Debug, Clone, clap::Args)]
struct Machine {
    /// The machine's name, without its hub's
    #[arg(value_name = "MACHINE")]
    machine: MachineName,
    #[command(flatten)]
    how: CommandArgs,
}

/// For those who find it so.
#[derive(Debug, Clone, clap::Args)]
struct Why {
    /// Why, for everybody who wonders
    #[arg(long, default_value = "")]
    reason: String,
}

/// Ends the open run of a build.
///
/// # Errors
/// There is no token, the build is not known, or no usable answer.
pub async fn cancel(args: &CancelArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let build = match &args.build {
        Wanted::Build(id) => id.clone(),
        other => Pages::all(&args.how.server()?).await?.build(other)?,
    };
    let what = format!("the build {} to be cancelled", &build.as_str()[..8]);
    args.how.ask(Ask::Cancel { build }, &what, session).await
}

/// Stops leasing a builder's jobs.
///
/// # Errors
/// There is no token, or no usable answer.
pub async fn pause(args: &PauseArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let reason = args.why.reason.clone();
    let ask = |builder| Ask::Pause { builder, reason };
    args.of.ask(ask, "paused", session).await
}

/// Goes on with a builder.
///
/// # Errors
/// As [`pause`].
pub async fn resume(args: &ResumeArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let ask = |builder| Ask::Resume { builder };
    args.of.ask(ask, "resumed", session).await
}

/// Stops using a machine.
///
/// # Errors
/// As [`pause`].
pub async fn drain(args: &DrainArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let reason = args.why.reason.clone();
    let ask = |machine| Ask::Drain { machine, reason };
    args.of.ask(ask, "drained", session).await
}

/// Uses a machine again.
///
/// # Errors
/// As [`pause`].
pub async fn undrain(args: &UndrainArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let ask = |machine| Ask::Undrain { machine };
    args.of.ask(ask, "used again", session).await
}

impl Builder {
    async fn ask(
        &self,
        ask: impl FnOnce(BuilderName) -> Ask,
        done: &str,
        session: &mut Session,
    ) -> anyhow::Result<ExitCode> {
        let what = format!("{} to be {done}", self.builder);
        self.how
            .ask(ask(self.builder.clone()), &what, session)
            .await
    }
}

impl Machine {
    async fn ask(
        &self,
        ask: impl FnOnce(MachineName) -> Ask,
        done: &str,
        session: &mut Session,
    ) -> anyhow::Result<ExitCode> {
        let what = format!("{} to be {done}", self.machine);
        self.how
            .ask(ask(self.machine.clone()), &what, session)
            .await
    }
}
