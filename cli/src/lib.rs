#![doc = include_str!("../README.md")]

mod builders;
mod builds;
mod check;
mod command;
mod credential;
mod dead_letters;
mod explain;
mod failures;
mod flakes;
mod init;
mod listing;
mod logs;
mod lookup;
mod machine;
mod open;
mod replay;
mod retry;
mod retrybuilds;
mod server;
mod session;
mod status;
mod stored;
mod sweep;
mod text;
mod token;
mod views;

use std::process::ExitCode;

pub use session::{Closed, Session};

/// The client's commands. Their comments are what `--help` says.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Say what is wrong in a farm.toml, with line and suggestion
    Check(check::Args),
    /// Suggest a farm.toml from what lies at the top of a repository
    Init(init::Args),
    /// Show the newest commits by builders, and why open builds wait
    Builds(builds::Args),
    /// Show each builder: its state, how long it takes, whether it is paused
    Builders(builders::Args),
    /// Say why a build waits, or where it runs
    Explain(explain::Args),
    /// Show how the farm is doing: queues, machines, hubs, lag, deliveries
    Status(status::Args),
    /// Open the page of a build, a commit or a builder
    Open(open::Args),
    /// Show the log of a build, or follow it while it runs, or keep those of all that failed
    Logs(logs::Args),
    /// Build a commit once more on a builder, or all that failed in some way
    Retry(Box<retry::Args>),
    /// Clear results as the command of 2019 did, with its flags
    Retrybuilds(retrybuilds::Args),
    /// End the open run of a build, on its machines as well
    Cancel(command::CancelArgs),
    /// Lease nothing of a builder for a while
    Pause(command::PauseArgs),
    /// Go on with a builder that was paused
    Resume(command::ResumeArgs),
    /// Lease nothing to a machine for a while
    Drain(command::DrainArgs),
    /// Use a machine again that was drained or set aside
    Undrain(command::UndrainArgs),
    /// Show who asked for what, and what came of it
    Audit(command::audit::Args),
    /// Show tests that both passed and failed on the same inputs
    Flakes(flakes::Args),
    /// Record machines, make their keys and take them back
    Machine(machine::Args),
    /// Write the documents anew that pages read
    Views(views::Args),
    /// Decide again what the coordinator decided, and compare
    Replay(replay::Args),
    /// Show what is old in the bucket and would be removed, before it is
    Sweep(sweep::Args),
    /// Look at messages that nobody could use, and send them again or drop them
    DeadLetters(dead_letters::Args),
    /// Mint the token that lets a person give commands
    Token(token::Args),
}

/// Runs a command on the process's own terminal.
///
/// # Errors
/// The command could not do what it is for. A finding (an invalid farm.toml, a refused retry) is exit code 1 instead.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    run_in(command, &mut Session::of_process()).await
}

/// The same in surroundings of the caller's choice.
///
/// # Errors
/// As [`run`].
pub async fn run_in(command: Command, session: &mut Session) -> anyhow::Result<ExitCode> {
    match dispatch(command, session).await {
        // Whoever read us has seen enough: `farm logs … | head`.
        Err(error) if error.is::<Closed>() => Ok(ExitCode::SUCCESS),
        done => done,
    }
}

async fn dispatch(command: Command, session: &mut Session) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(args) => check::run(&args, session),
        Command::Init(args) => init::run(&args, session),
        Command::Builds(args) => builds::run(&args, session).await,
        Command::Builders(args) => builders::run(&args, session).await,
        Command::Open(args) => open::run(&args, session).await,
        Command::Explain(args) => explain::run(&args, session).await,
        Command::Status(args) => status::run(&args, session).await,
        Command::Logs(args) => logs::run(&args, session).await,
        Command::Retry(args) => retry::run(&args, session).await,
        Command::Retrybuilds(args) => retrybuilds::run(&args, session).await,
        Command::Cancel(args) => command::cancel(&args, session).await,
        Command::Pause(args) => command::pause(&args, session).await,
        Command::Resume(args) => command::resume(&args, session).await,
        Command::Drain(args) => command::drain(&args, session).await,
        Command::Undrain(args) => command::undrain(&args, session).await,
        Command::Audit(args) => command::audit::run(&args, session).await,
        Command::Flakes(args) => flakes::run(&args, session).await,
        Command::Machine(args) => machine::run(&args, session).await,
        Command::Views(args) => views::run(&args, session).await,
        Command::Replay(args) => replay::run(&args, session).await,
        Command::Sweep(args) => sweep::run(&args, session).await,
        Command::DeadLetters(args) => dead_letters::run(&args, session).await,
        Command::Token(args) => token::run(&args, session),
    }
}
