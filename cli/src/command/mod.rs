//! What people ask the farm for: `farm cancel`, `pause`, `resume`, `drain`, `undrain`; and `farm audit`: who asked for what.

mod ask;
pub mod audit;

use std::process::ExitCode;

use farm_model::id::{BuilderName, MachineName};
use farm_model::message::command::Ask;

use self::ask::CommandArgs;
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
    /// The builder
    #[arg(value_name = "BUILDER")]
    builder: BuilderName,
    /// Why, for everybody who wonders
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    how: CommandArgs,
}

/// `farm resume`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm resume linux-arm")]
pub struct ResumeArgs {
    /// The builder
    #[arg(value_name = "BUILDER")]
    builder: BuilderName,
    #[command(flatten)]
    how: CommandArgs,
}

/// `farm drain`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm drain attic --reason 'new disk on Tuesday'

Nothing more is leased to the machine until `farm undrain`; what it runs goes on.")]
pub struct DrainArgs {
    /// The machine's name, without its hub's
    #[arg(value_name = "MACHINE")]
    machine: MachineName,
    /// Why, for everybody who wonders
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    how: CommandArgs,
}

/// `farm undrain`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm undrain attic

Uses a machine again that was drained, or that the farm has set aside because it lost too much.")]
pub struct UndrainArgs {
    /// The machine's name, without its hub's
    #[arg(value_name = "MACHINE")]
    machine: MachineName,
    #[command(flatten)]
    how: CommandArgs,
}

/// Ends the open run of a build.
///
/// # Errors
/// There is no token, the build is not known, or no usable answer.
pub async fn cancel(args: &CancelArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let server = args.how.server()?;
    let build = match &args.build {
        Wanted::Build(id) => id.clone(),
        other => Pages::all(&server).await?.build(other)?,
    };
    let what = format!("the build {} to be cancelled", &build.as_str()[..8]);
    args.how.ask(Ask::Cancel { build }, &what, session).await
}

/// Stops leasing a builder's jobs.
///
/// # Errors
/// There is no token, or no usable answer.
pub async fn pause(args: &PauseArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let (builder, reason) = (args.builder.clone(), args.reason.clone());
    let what = format!("{builder} to be paused");
    args.how
        .ask(Ask::Pause { builder, reason }, &what, session)
        .await
}

/// Goes on with a builder.
///
/// # Errors
/// As [`pause`].
pub async fn resume(args: &ResumeArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let builder = args.builder.clone();
    let what = format!("{builder} to be resumed");
    args.how.ask(Ask::Resume { builder }, &what, session).await
}

/// Stops using a machine.
///
/// # Errors
/// As [`pause`].
pub async fn drain(args: &DrainArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let (machine, reason) = (args.machine.clone(), args.reason.clone());
    let what = format!("{machine} to be drained");
    args.how
        .ask(Ask::Drain { machine, reason }, &what, session)
        .await
}

/// Uses a machine again.
///
/// # Errors
/// As [`pause`].
pub async fn undrain(args: &UndrainArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let machine = args.machine.clone();
    let what = format!("{machine} to be used again");
    args.how.ask(Ask::Undrain { machine }, &what, session).await
}
