//! Windows: rights are access lists, which are not looked into.

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::ensure;

use crate::Args;
use crate::args::InstallArgs;
use crate::install::manager::Manager;
use crate::vars::Vars;

/// A file of a service; what is no script has no use for a mode.
///
/// # Errors
/// It cannot be made.
pub fn create(path: &Path, _: u32) -> io::Result<File> {
    File::create(path)
}

/// Whom a service runs as.
pub struct Runner;

impl Runner {
    pub fn new(_: &InstallArgs, _: Manager, _: &Vars) -> Self {
        Self
    }

    /// Who may read a key is not known here.
    ///
    /// # Errors
    /// None.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "other systems know more"
    )]
    pub fn check_key(&self, _: &Args) -> anyhow::Result<()> {
        Ok(())
    }

    /// Where stage0 keeps what it fetches.
    ///
    /// # Errors
    /// That depends on the folder it starts in.
    #[expect(clippy::unused_self, reason = "other systems know more")]
    pub fn check_fetched(&self, file: &Path) -> anyhow::Result<()> {
        ensure!(
            file.is_absolute(),
            "behind --: a service of stage0 needs --file with a whole path, in a folder that its user can write"
        );
        Ok(())
    }
}
