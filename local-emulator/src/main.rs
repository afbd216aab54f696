//! The `farm` command.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use farm_runtime::Shutdown;
use farm_runtime::telemetry::{self, Telemetry};

/// The command of 2019 that a link may be named after.
const RETRYBUILDS: &str = "retrybuilds";

/// A build farm for projects that must be tested on machines nobody rents out.
#[derive(Parser)]
#[command(name = "farm", version, propagate_version = true)]
#[command(after_help = "Start with `farm up`: it builds a small sample and prints where to look.")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The whole farm on this computer [the default]
    Up(local_emulator::up::Args),
    #[command(flatten)]
    Client(farm_cli::Command),
    /// An emulator of a cloud service alone: Pub/Sub, Cloud Storage, Compute Engine, Kubernetes
    Emulator(local_emulator::emulator::Args),
    /// The functions: webhooks and pages
    Functions(functions::Args),
    /// The coordinator
    Coordinator(coordinator::Args),
    /// A hub, which machines dial
    Hub(Box<hub::Args>),
    /// Make the key with which a machine registers
    MintKey(hub::MintArgs),
    /// The agent on a build machine
    Buildlet(Box<buildlet::Args>),
    /// Completions for a shell: farm completions bash > /etc/bash_completion.d/farm
    #[command(visible_alias = "completion")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse_from(words()).command.unwrap_or_else(|| {
        Cli::parse_from(["farm", "up"])
            .command
            .unwrap_or_else(usage)
    });
    match run(command).await {
        Ok(code) => code,
        Err(error) => {
            // The one place where an error that ends the process is told.
            drop(std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("farm: {error:#}\n"),
            ));
            ExitCode::from(3)
        }
    }
}

/// The command line. A link of the name of a command of 2019 is that command.
fn words() -> Vec<OsString> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let name = words.first().map(Path::new).and_then(Path::file_stem);
    if name.is_some_and(|name| name == RETRYBUILDS) {
        words.insert(1, RETRYBUILDS.into());
    }
    words
}

fn usage() -> Command {
    Cli::command()
        .error(clap::error::ErrorKind::MissingSubcommand, "no command")
        .exit()
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let _telemetry = command.telemetry();
    let done = |()| ExitCode::SUCCESS;
    let shutdown = || Shutdown::on_signals().token();
    match command {
        Command::Up(args) => local_emulator::up::run(args, shutdown()).await,
        Command::Client(command) => farm_cli::run(command).await,
        Command::Emulator(args) => local_emulator::emulator::run(args, shutdown()).await,
        Command::Functions(args) => functions::run(args, shutdown()).await.map(done),
        Command::Coordinator(args) => coordinator::run(args, shutdown()).await.map(done),
        Command::Hub(args) => hub::run(*args, shutdown()).await.map(done),
        Command::MintKey(args) => hub::run_mint(&args).map(done),
        Command::Buildlet(args) => buildlet::run(*args, shutdown().cancelled_owned())
            .await
            .map(done),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "farm", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl Command {
    /// How it tells of itself, if it runs longer than its answer takes.
    fn telemetry(&self) -> Option<Telemetry> {
        let part = match self {
            Self::Up(_) => return Some(telemetry::init_quiet("farm")),
            Self::Emulator(_) => "emulator",
            Self::Functions(_) => "functions",
            Self::Coordinator(_) => "coordinator",
            Self::Hub(_) => "hub",
            Self::Buildlet(_) => "buildlet",
            Self::Client(_) | Self::MintKey(_) | Self::Completions { .. } => return None,
        };
        Some(telemetry::init(part))
    }
}
