//! `buildlet install`: this machine's buildlet as a service of its system. What is written are pure texts of [`Service`];
//! here is who writes them where.

mod files;
mod launchd;
mod manager;
mod rc_d;
mod runner;
mod systemd;
mod task;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Parser;

use crate::Args;
use crate::args::{Command, InstallArgs, UninstallArgs, from_go_style};
use crate::vars::Vars;
use manager::Manager;
use runner::Runner;

/// In each file that is ours: only such files are removed or, with `--force`, replaced without more ado.
const MARK: &str = "Written by `buildlet install`";

/// What is to run.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    name: String,
    /// Program and arguments; text, since service managers know no other.
    command: Vec<String>,
    /// Whom it runs as; `None` is a service of a user.
    run_as: Option<String>,
    /// Whether the machine is to be halted or rebooted by it, which needs its privileges kept.
    powers: bool,
}

/// Writes the service's file, or shows it.
///
/// # Errors
/// What it would start cannot work, others may read its key, its user could not write it, or a file is in the way.
pub fn install(wanted: &InstallArgs, vars: &Vars) -> anyhow::Result<()> {
    let manager = Manager::here()?;
    let service = service(wanted, manager, vars)?;
    let text = manager.text(&service);
    if wanted.print {
        return say(&text);
    }
    let (file, mode) = manager.file(&wanted.name, wanted.user, &vars.home())?;
    let path = below(&wanted.root, &file);
    write(&path, &text, mode, wanted.force)?;
    let next = manager.next(&wanted.name, wanted.run_as.as_deref(), &file);
    say(&format!("wrote {}; now: {next}\n", path.display()))
}

/// Removes the service's file.
///
/// # Errors
/// There is none, or it is not ours.
pub fn uninstall(wanted: &UninstallArgs, vars: &Vars) -> anyhow::Result<()> {
    let manager = Manager::here()?;
    let (file, _) = manager.file(&wanted.name, wanted.user, &vars.home())?;
    let path = below(&wanted.root, &file);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("no service {}: cannot read {}", wanted.name, path.display()))?;
    ensure!(
        text.contains(MARK),
        "{} was not written by buildlet install; remove it by hand",
        path.display()
    );
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    let stop = manager.stop(&wanted.name, wanted.user, &file);
    say(&format!(
        "removed {}; if it runs still: {stop}\n",
        path.display()
    ))
}

fn service(wanted: &InstallArgs, manager: Manager, vars: &Vars) -> anyhow::Result<Service> {
    let (args, fetched) = understood(&wanted.options)?;
    let runner = Runner::new(wanted, manager, vars);
    runner.check_key(&args)?;
    if let Some(file) = fetched {
        runner.check_fetched(&file)?;
    }
    let text = |part: OsString| {
        let text = part
            .into_string()
            .ok()
            .filter(|text| !text.contains(char::is_control));
        text.context("service managers know no arguments that are not printable text")
    };
    let options = files::absolute(&wanted.options)?;
    let command = program(wanted)?.into_iter().chain(options);
    Ok(Service {
        name: wanted.name.clone(),
        command: command.map(text).collect::<Result<_, _>>()?,
        run_as: wanted.run_as.clone(),
        powers: args.halt || args.reboot,
    })
}

/// The program, and what makes a buildlet of it: this one's own subcommands before `install`.
fn program(wanted: &InstallArgs) -> anyhow::Result<Vec<OsString>> {
    if let Some(exe) = &wanted.exe {
        return Ok(vec![std::path::absolute(exe)?.into()]);
    }
    let exe = std::env::current_exe().context("cannot find this program; --exe names it")?;
    let before = std::env::args_os()
        .skip(1)
        .take_while(|arg| arg != "install");
    Ok([exe.into_os_string()].into_iter().chain(before).collect())
}

/// What the buildlet is started with in the end, perhaps by stage0, and the file that this keeps it in. A service that ends at once with a usage error would be
/// started for ever.
fn understood(options: &[OsString]) -> anyhow::Result<(Args, Option<PathBuf>)> {
    let line = ["buildlet".into()]
        .into_iter()
        .chain(options.iter().cloned());
    let args = Args::try_parse_from(from_go_style(line)).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        anyhow::anyhow!("behind --: {}", first.trim_start_matches("error: "))
    })?;
    match &args.command {
        None => Ok((args, None)),
        Some(Command::Stage0(stage0)) => {
            let (args, _) = understood(&stage0.options)?;
            Ok((args, Some(stage0.file.clone())))
        }
        Some(_) => bail!("behind --: what a service runs is a buildlet or stage0"),
    }
}

/// `file`, absolute, below another root.
fn below(root: &Path, file: &Path) -> PathBuf {
    if root == Path::new("/") {
        return file.to_owned();
    }
    let names = file
        .components()
        .filter(|part| matches!(part, Component::Normal(_)));
    root.join(names.collect::<PathBuf>())
}

fn write(path: &Path, text: &str, mode: u32, force: bool) -> anyhow::Result<()> {
    let what = || format!("cannot write {}", path.display());
    match std::fs::read_to_string(path) {
        Ok(there) if there == text => return Ok(()),
        Ok(_) if !force => bail!(
            "{} is there already and differs; --force replaces it",
            path.display()
        ),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(what);
        }
        _ => {}
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(what)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let written = || -> std::io::Result<()> {
        let mut file = runner::create(&new, mode)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    written().with_context(what)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests;
