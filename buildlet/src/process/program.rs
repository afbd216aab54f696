//! What is to be run.

use std::ffi::OsString;
use std::path::PathBuf;

use super::{Cause, NotStarted, system};

/// A program, resolved.
#[derive(Debug, Clone)]
pub struct Program {
    /// The file.
    pub path: PathBuf,
    /// Argument 0: what was asked for.
    #[cfg_attr(windows, expect(dead_code, reason = "there it is always the file"))]
    pub name: OsString,
    /// The arguments behind it.
    pub args: Vec<OsString>,
    /// Working directory, absolute.
    pub dir: PathBuf,
    /// Environment, all of it but `PWD` where the system has it, which is `dir`; for equal names the last one counts.
    pub env: Vec<(OsString, OsString)>,
}

impl Program {
    /// Whether the working directory is one: the error of starting alone does not tell it from a missing program.
    pub(super) fn check_dir(&self) -> Result<(), NotStarted> {
        let text = match std::fs::metadata(&self.dir) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => "not a directory".to_owned(),
            Err(error) => system::error_text(&error),
        };
        Err(NotStarted::Command {
            text: format!("chdir {}: {text}", self.dir.display()),
            cause: Cause::BadDir,
        })
    }
}
