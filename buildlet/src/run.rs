//! One process, from its arguments to its end.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::environment::{Environment, Variable};
use crate::machine::Machine;
use crate::process::Processes;
use crate::process::guard::{self, GuardCommand};
use crate::ssh::Ssh;
use crate::work_dir::WorkDir;
use crate::{Args, direct, halt, reverse};

/// Between the answer to `/halt` and the end.
const HALT_DELAY: Duration = Duration::from_secs(1);
/// For killed commands to be reaped.
const REAP: Duration = Duration::from_secs(5);

/// Runs until `shutdown`, or until the machine is asked to halt. Commands that run then are killed with their groups.
///
/// # Errors
/// The arguments contradict each other, or what they name cannot be used. A hub that cannot be reached is no error.
pub async fn run(args: Args, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    if args.guard {
        return be_guard();
    }
    let mode = Mode::of(&args)?;
    let machine = Arc::new(machine(&args)?);
    let ended = tokio::select! {
        ended = mode.serve(&machine) => ended,
        () = shutdown => Ok(()),
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
    Direct(direct::Direct),
}

impl Mode {
    fn of(args: &Args) -> anyhow::Result<Self> {
        match (&args.reverse_type, args.listen) {
            (Some(host_type), _) => Ok(Self::Reverse(reverse::Reverse::new(args, host_type)?)),
            (None, Some(address)) => Ok(Self::Direct(direct::Direct::bind(
                address,
                password(args)?.is_some(),
            )?)),
            (None, None) => {
                bail!("give --reverse-type to serve a hub, or --listen to serve directly")
            }
        }
    }

    async fn serve(&self, machine: &Arc<Machine>) -> anyhow::Result<()> {
        match self {
            Self::Reverse(reverse) => reverse.serve(machine).await,
            Self::Direct(direct) => direct.serve(machine).await,
        }
    }
}

fn machine(args: &Args) -> anyhow::Result<Machine> {
    let work_dir = WorkDir::prepare(args.workdir.as_deref(), args.reverse_type.as_deref())?;
    let environment = Environment::new(inherited(), work_dir.path());
    let processes = Processes::new(guard_command(args)?).context("cannot start a thread")?;
    Ok(Machine::new(
        work_dir,
        environment,
        processes,
        password(args)?,
        Ssh::new(&args.ssh),
    ))
}

/// The password of direct mode; reverse mode has none.
fn password(args: &Args) -> anyhow::Result<Option<String>> {
    if args.listen.is_none() {
        return Ok(None);
    }
    // As in 2019 a value that begins with `@` names a file.
    let given = args.password.as_deref().filter(|text| !text.is_empty());
    let file = match (
        &args.password_file,
        given.map(|text| text.strip_prefix('@')),
    ) {
        (Some(file), _) => file.clone(),
        (None, Some(Some(file))) => file.into(),
        (None, Some(None)) => return Ok(given.map(str::to_owned)),
        (None, None) => return Ok(None),
    };
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    match text.trim() {
        "" => bail!("{} holds no password", file.display()),
        text => Ok(Some(text.to_owned())),
    }
}

/// The one reader of the environment: commands inherit it.
fn inherited() -> Vec<Variable> {
    std::env::vars_os().collect()
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

/// There is nothing else in this process to wait for: no thread is needed.
fn be_guard() -> anyhow::Result<()> {
    guard::watch(io::stdin().lock()).context("the guard cannot read")
}
