//! Which file is run, and where (`buildlet.md` 5.2).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use farm_archive::is_relative_path;

use crate::environment::Variable;
use crate::http::Form;
use crate::machine::Machine;
use crate::process::{Cause, NotStarted, Program};

/// A command, resolved but for what can only fail at its start.
#[derive(Debug)]
pub(super) struct Command {
    /// What was asked for: argument 0.
    pub name: OsString,
    /// The file, if the name leads to one.
    pub path: Option<PathBuf>,
    pub dir: PathBuf,
}

/// The command of a form; the text of a 400 otherwise.
pub(super) fn command(machine: &Machine, form: &Form) -> Result<Command, &'static str> {
    let (cmd, dir) = (form.get("cmd"), form.get("dir"));
    if cmd.is_empty() || cmd.contains(&0) {
        return Err("requires 'cmd' parameter");
    }
    if dir.contains(&0) {
        return Err("bogus 'dir' parameter");
    }
    if form.get("mode") == b"sys" {
        Ok(of_system(machine, os(cmd), os(dir)))
    } else {
        of_work_dir(machine, cmd, dir)
    }
}

/// System mode: anything goes.
fn of_system(machine: &Machine, cmd: &OsStr, dir: &OsStr) -> Command {
    let bare = !cmd.as_bytes().contains(&b'/');
    let path = if bare {
        machine.environment.look_up(cmd)
    } else {
        // Relative to the command's own directory.
        Some(cmd.into())
    };
    let dir = Path::new(dir);
    Command {
        name: cmd.to_owned(),
        path,
        dir: if dir.is_absolute() {
            dir.to_owned()
        } else {
            below(machine.work_dir.path(), dir)
        },
    }
}

/// Joined and cleaned by name alone; `..` may lead out.
fn below(root: &Path, dir: &Path) -> PathBuf {
    let mut path = root.to_owned();
    for part in dir.components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// Work mode: inside the work dir, by name.
fn of_work_dir(machine: &Machine, cmd: &[u8], dir: &[u8]) -> Result<Command, &'static str> {
    if !is_relative_path(cmd) {
        return Err("requires 'cmd' parameter");
    }
    let root = machine.work_dir.path();
    let path = joined(root.to_owned(), cmd);
    let dir = match dir {
        b"" => path.parent().unwrap_or(root).to_owned(),
        dir if is_relative_path(dir) => joined(root.to_owned(), dir),
        _ => return Err("bogus 'dir' parameter"),
    };
    Ok(Command {
        name: path.clone().into(),
        path: Some(path),
        dir,
    })
}

/// Joined and cleaned.
fn joined(mut path: PathBuf, name: &[u8]) -> PathBuf {
    let parts = name
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".");
    parts.for_each(|part| path.push(os(part)));
    path
}

impl Command {
    /// The program to start.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn program(self, args: &[&[u8]], env: Vec<Variable>) -> Result<Program, NotStarted> {
        let refused = |text, cause| NotStarted::Command { text, cause };
        let name = self.name.to_string_lossy();
        let missing = format!("exec: {name:?}: executable file not found in $PATH");
        let path = self.path.ok_or_else(|| refused(missing, Cause::NotFound))?;
        if args.iter().any(|arg| arg.contains(&0)) {
            let text = format!("fork/exec {}: invalid argument", path.display());
            return Err(refused(text, Cause::Invalid));
        }
        let args = args.iter().map(|arg| os(arg).to_owned()).collect();
        Ok(Program {
            path,
            name: self.name,
            args,
            dir: self.dir,
            env,
        })
    }
}

fn os(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}
