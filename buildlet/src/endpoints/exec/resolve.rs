//! Which file is run, and where (`buildlet.md` 5.2).

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use farm_archive::is_relative_path;

use crate::environment::Variable;
use crate::http::Form;
use crate::machine::Machine;
use crate::process::{Cause, NotStarted, Program};
use crate::{lookup, native};

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
        Ok(of_system(machine, cmd, dir))
    } else {
        of_work_dir(machine, cmd, dir)
    }
}

/// System mode: anything goes.
fn of_system(machine: &Machine, cmd: &[u8], dir: &[u8]) -> Command {
    let (name, dir) = (native::os(cmd), PathBuf::from(native::os(dir)));
    let dir = if dir.is_absolute() {
        dir
    } else {
        below(machine.work_dir.path(), &dir)
    };
    let path = if lookup::is_bare(cmd) {
        machine.environment.look_up(&name)
    } else {
        Some(lookup::file(&name, &dir, &machine.environment))
    };
    Command { name, path, dir }
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
    let path = joined(root.to_owned(), cmd).ok_or("requires 'cmd' parameter")?;
    let dir = match dir {
        b"" => Some(path.parent().unwrap_or(root).to_owned()),
        dir if is_relative_path(dir) => joined(root.to_owned(), dir),
        _ => None,
    };
    let dir = dir.ok_or("bogus 'dir' parameter")?;
    Ok(Command {
        name: path.clone().into(),
        path: Some(lookup::file(path.as_os_str(), &dir, &machine.environment)),
        dir,
    })
}

/// Joined and cleaned; `None` if a part is no plain name, as `C:` is none on Windows.
fn joined(mut path: PathBuf, name: &[u8]) -> Option<PathBuf> {
    for part in name.split(|&byte| byte == b'/') {
        let part = PathBuf::from(native::os(part));
        let mut components = part.components();
        match (components.next(), components.next()) {
            (None | Some(Component::CurDir), None) => {}
            (Some(Component::Normal(name)), None) => path.push(name),
            _ => return None,
        }
    }
    Some(path)
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
        let args = args.iter().map(|arg| native::os(*arg)).collect();
        Ok(Program {
            path,
            name: self.name,
            args,
            dir: self.dir,
            env,
        })
    }
}
