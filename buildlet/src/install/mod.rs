//! `buildlet install`: this machine's buildlet as a service of its system. What is written are pure texts of [`Service`];
//! here is who writes them where.

mod launchd;
mod manager;
mod rc_d;
mod systemd;

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use nix::unistd::User;

use crate::Args;
use crate::args::{Command, InstallArgs, UninstallArgs, from_go_style};
use crate::vars::Vars;
use manager::Manager;

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
/// What it would start cannot work, others may read its key, or a file is in the way.
pub fn install(wanted: &InstallArgs, vars: &Vars) -> anyhow::Result<()> {
    let manager = Manager::here()?;
    let service = service(wanted, vars)?;
    let text = manager.text(&service);
    if wanted.print {
        return say(&text);
    }
    let (file, mode) = manager.file(&wanted.name, wanted.user, &vars.home())?;
    let path = below(&wanted.root, &file);
    write(&path, &text, mode, wanted.force)?;
    let next = manager.next(&wanted.name, wanted.user, &file);
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

fn service(wanted: &InstallArgs, vars: &Vars) -> anyhow::Result<Service> {
    let args = understood(&wanted.options)?;
    private_key(&args, vars, wanted.run_as.as_deref())?;
    let text = |part: OsString| {
        let text = part
            .into_string()
            .ok()
            .filter(|text| !text.contains(char::is_control));
        text.context("service managers know no arguments that are not printable text")
    };
    let command = program(wanted)?
        .into_iter()
        .chain(wanted.options.iter().cloned());
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

/// What the buildlet is started with in the end, perhaps by stage0. A service that ends at once with a usage error would be
/// started for ever.
fn understood(options: &[OsString]) -> anyhow::Result<Args> {
    let line = ["buildlet".into()]
        .into_iter()
        .chain(options.iter().cloned());
    let args = Args::try_parse_from(from_go_style(line)).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        anyhow::anyhow!("behind --: {}", first.trim_start_matches("error: "))
    })?;
    match &args.command {
        None => Ok(args),
        Some(Command::Stage0(stage0)) => understood(&stage0.options),
        Some(_) => bail!("behind --: what a service runs is a buildlet or stage0"),
    }
}

/// Whoever can read the key can be this machine.
fn private_key(args: &Args, vars: &Vars, run_as: Option<&str>) -> anyhow::Result<()> {
    let file = match (&args.key_file, &args.reverse_type) {
        (Some(file), _) => file.clone(),
        (None, Some(host_type)) => vars.home().join(format!(".gobuildkey-{host_type}")),
        (None, None) => return Ok(()),
    };
    // One that is not there yet may come later; the buildlet says so when it starts.
    let Ok(found) = file.metadata() else {
        return Ok(());
    };
    let mode = found.permissions().mode() & 0o777;
    ensure!(
        mode & 0o077 == 0,
        "others may read or change {} (mode {mode:04o}); chmod 600 it first",
        file.display()
    );
    // A user that is not known here may be in the image that this is for.
    let reader = run_as.and_then(|name| User::from_name(name).ok().flatten());
    match reader {
        Some(user) if !user.uid.is_root() && user.uid.as_raw() != found.uid() => bail!(
            "{} could not read {}; chown {} it first",
            user.name,
            file.display(),
            user.name
        ),
        _ => Ok(()),
    }
}

/// `file`, absolute, below another root.
fn below(root: &Path, file: &Path) -> PathBuf {
    root.join(file.strip_prefix("/").unwrap_or(file))
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
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
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
