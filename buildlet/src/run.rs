//! One process, from its arguments to its end.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::args::Command;
use crate::emulator::Emulator;
use crate::environment::Environment;
use crate::fetch::Fetcher;
use crate::machine::{Machine, Parts};
use crate::metadata::Metadata;
use crate::module_proxy::Upstream;
use crate::outbound::Outbound;
use crate::process::{GuardCommand, Processes, be_guard};
use crate::ssh::Ssh;
use crate::vars::Vars;
use crate::work_dir::WorkDir;
use crate::{Args, bootstrap, direct, halt, install, memory, os, reverse, stage0};

/// Between the answer to `/halt` and the end.
const HALT_DELAY: Duration = Duration::from_secs(1);
/// For killed commands to be reaped.
const REAP: Duration = Duration::from_secs(5);

/// Runs until `shutdown`, or until the machine is asked to halt. Commands that run then are killed with their groups.
///
/// # Errors
/// The arguments contradict each other, or what they name cannot be used. A hub that cannot be reached is no error.
pub async fn run(mut args: Args, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    if args.guard {
        return be_guard();
    }
    let vars = Vars::of_this_process();
    match args.command.take() {
        None => serve(args, vars, shutdown).await,
        Some(Command::Stage0(stage0)) => stage0::run(stage0, vars, shutdown).await,
        Some(Command::Install(wanted)) => install::install(&wanted, &vars),
        Some(Command::Uninstall(wanted)) => install::uninstall(&wanted, &vars),
    }
}

async fn serve(
    mut args: Args,
    mut vars: Vars,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    memory::give_back();
    os::configure(&mut args, &mut vars)?;
    let mode = Mode::of(&args, &vars).await?;
    let machine = Arc::new(machine(&args, &vars, &mode).await?);
    let ended = tokio::select! {
        ended = mode.serve(&machine, shutdown) => ended,
        () = owner_gone(args.until_stdin_closes) => Ok(()),
        () = halted(&machine) => {
            halt::halt(&args, &machine.environment).await;
            Ok(())
        }
    };
    if !machine.processes.idle(REAP).await {
        tracing::warn!("a killed command is not gone yet");
    }
    ended
}

/// Returns when standard input ends, if that was asked for. A read blocks a thread of its own, since a runtime waits for
/// its own threads at the end.
async fn owner_gone(asked: bool) {
    if !asked {
        return std::future::pending().await;
    }
    let (gone, told) = tokio::sync::oneshot::channel();
    let watch = move || {
        let _any_end = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _over_already = gone.send(());
    };
    match std::thread::Builder::new().spawn(watch) {
        Ok(_) => drop(told.await),
        Err(error) => tracing::warn!(%error, "cannot watch standard input"),
    }
}

/// How this process is reached.
enum Mode {
    Reverse(reverse::Reverse),
    Direct(direct::Settings),
}

impl Mode {
    async fn of(args: &Args, vars: &Vars) -> anyhow::Result<Self> {
        if args.reverse_type.is_some() || !args.reverse.is_empty() {
            os::prepare(&Metadata::of_variables(vars)).await?;
            return Ok(Self::Reverse(reverse::Reverse::new(args, vars)?));
        }
        let settings = direct::Settings::of(args, vars).await?;
        os::prepare(&settings.metadata).await?;
        Ok(Self::Direct(settings))
    }

    /// Until `shutdown`.
    async fn serve(
        &self,
        machine: &Arc<Machine>,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Direct(settings) => {
                let direct = direct::Direct::bind(settings.address, settings.tls.clone())?;
                direct.serve(machine, shutdown).await
            }
            Self::Reverse(reverse) => tokio::select! {
                ended = reverse.serve(machine) => ended,
                () = shutdown => Ok(()),
            },
        }
    }

    /// Of direct mode; reverse mode has none.
    fn password(&self) -> Option<String> {
        match self {
            Self::Direct(settings) => settings.password.clone(),
            Self::Reverse(_) => None,
        }
    }

    fn modules(&self) -> Option<Upstream> {
        match self {
            Self::Reverse(reverse) => reverse.modules(),
            Self::Direct(_) => None,
        }
    }

    /// What is dialed again and again.
    fn hub(&self, args: &Args) -> Option<String> {
        matches!(self, Self::Reverse(_)).then(|| reverse::address(&args.coordinator))
    }
}

async fn machine(args: &Args, vars: &Vars, mode: &Mode) -> anyhow::Result<Machine> {
    let work_dir = WorkDir::prepare(args.workdir.as_deref(), args.reverse_type.as_deref())?;
    let parts = Parts {
        password: mode.password(),
        ssh: Ssh::new(&args.ssh),
        fetcher: Fetcher::with_ca(args.ca.as_deref(), vars.proxies())?,
        outbound: Outbound::new(mode.hub(args).as_deref()),
        modules: mode.modules(),
        emulator: Emulator::of_family(vars)?,
    };
    bootstrap::install(vars).await?;
    let environment = Environment::new(vars.all().iter().cloned(), work_dir.path());
    let processes = Processes::new(guard_command(args)?).context("cannot start a thread")?;
    Ok(Machine::new(work_dir, environment, processes, parts))
}

/// This program again: with what stands before the first option, so that a subcommand is kept.
fn guard_command(args: &Args) -> anyhow::Result<GuardCommand> {
    let exe: PathBuf = match &args.guard_exe {
        Some(exe) => exe.clone(),
        None => {
            std::env::current_exe().context("cannot find this program; --guard-exe names it")?
        }
    };
    let own = || {
        std::env::args_os()
            .skip(1)
            .take_while(|arg| !arg.as_encoded_bytes().starts_with(b"-"))
    };
    let mut before: Vec<OsString> = match (&args.guard_exe, args.guard_args.as_slice()) {
        (None, []) => own().collect(),
        (_, given) => given.to_vec(),
    };
    before.push("--guard".into());
    Ok(GuardCommand { exe, args: before })
}

async fn halted(machine: &Machine) {
    machine.halted().await;
    tokio::time::sleep(HALT_DELAY).await;
}
