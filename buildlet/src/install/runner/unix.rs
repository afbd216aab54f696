//! Unix: files have owners and modes. A service reads its key, which the hub renews, and writes the buildlet that stage0
//! fetches.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use nix::unistd::{Group, Uid, User};

use crate::Args;
use crate::args::InstallArgs;
use crate::install::below;
use crate::install::manager::Manager;
use crate::vars::Vars;

/// What `ProtectSystem=full` (`systemd.exec(5)`) makes read-only.
const PROTECTED: [&str; 4] = ["/etc", "/usr", "/boot", "/efi"];

/// A file of a service, with exactly this mode.
///
/// # Errors
/// It cannot be made.
pub fn create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let file = options.mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Whom a service runs as, and under what.
pub struct Runner<'a> {
    wanted: &'a InstallArgs,
    manager: Manager,
    /// `None`: not known here; the user may be in the image that this is for.
    user: Option<User>,
    home: Option<PathBuf>,
}

impl<'a> Runner<'a> {
    pub fn new(wanted: &'a InstallArgs, manager: Manager, vars: &Vars) -> Self {
        let user = match &wanted.run_as {
            Some(name) => User::from_name(name),
            None => User::from_uid(Uid::effective()),
        };
        let user = user.ok().flatten();
        let home = match &wanted.run_as {
            Some(_) => user.as_ref().map(|user| user.dir.clone()),
            None => Some(vars.home()),
        };
        Self {
            wanted,
            manager,
            user,
            home,
        }
    }

    fn name(&self) -> &str {
        let known = self.user.as_ref().map(|user| user.name.as_str());
        let name = self.wanted.run_as.as_deref().or(known);
        name.unwrap_or("its user")
    }

    /// Its own key, read by nobody else, where the next one can be written.
    ///
    /// # Errors
    /// Others may read it, its user could not, or could not write beside it.
    pub fn check_key(&self, args: &Args) -> anyhow::Result<()> {
        let default = |host_type: &String| {
            let home = self.home.as_ref()?;
            Some(home.join(format!(".gobuildkey-{host_type}")))
        };
        let file = match &args.key_file {
            Some(file) => Some(std::path::absolute(file)?),
            None => args.reverse_type.as_ref().and_then(default),
        };
        let Some(file) = file else {
            return Ok(());
        };
        // One that is not there yet may come later; the buildlet says so when it starts.
        if let Ok(found) = below(&self.wanted.root, &file).metadata() {
            self.check_reader(&file, &found)?;
        }
        // Only keys of host types are renewed.
        match args.reverse_type {
            Some(_) => self.check_writable(&file, "the hub renews the key in"),
            None => Ok(()),
        }
    }

    /// Whoever can read the key can be this machine.
    fn check_reader(&self, file: &Path, found: &Metadata) -> anyhow::Result<()> {
        let mode = found.mode() & 0o777;
        ensure!(
            mode & 0o077 == 0,
            "others may read or change {} (mode {mode:04o}); chmod 600 it first",
            file.display()
        );
        match self.user_here() {
            Some(user) if !user.uid.is_root() && user.uid.as_raw() != found.uid() => bail!(
                "{} could not read {}; chown {} it first",
                user.name,
                file.display(),
                user.name
            ),
            _ => Ok(()),
        }
    }

    /// Where stage0 keeps what it fetches.
    ///
    /// # Errors
    /// That depends on the folder it starts in, or its user cannot write there.
    pub fn check_fetched(&self, file: &Path) -> anyhow::Result<()> {
        ensure!(
            file.is_absolute(),
            "behind --: a service of stage0 needs --file with a whole path, in a folder that {} can write{}",
            self.name(),
            self.such_as("buildlet.exe")
        );
        self.check_writable(file, "stage0 writes")
    }

    /// What is to be written there replaces a file as a whole: its folder must be writable.
    fn check_writable(&self, file: &Path, why: &str) -> anyhow::Result<()> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let instead = || {
            format!(
                "put it in a folder of {}{}",
                self.name(),
                self.such_as(&name)
            )
        };
        let is_protected = self.manager == Manager::Systemd && self.wanted.run_as.is_some();
        let top = PROTECTED.iter().find(|top| file.starts_with(top));
        if let (true, Some(top)) = (is_protected, top) {
            bail!(
                "{why} {}, and services cannot write below {top} (ProtectSystem=full); {}",
                file.display(),
                instead()
            );
        }
        let folder = file.parent().unwrap_or(file);
        // As with the file: one that is not there yet may come later.
        match (self.user_here(), folder.metadata()) {
            (Some(user), Ok(found)) if !may_write(user, &found) => bail!(
                "{why} {}, and {} cannot write {}; {}",
                file.display(),
                user.name,
                folder.display(),
                instead()
            ),
            _ => Ok(()),
        }
    }

    /// Another system's users have other numbers.
    fn user_here(&self) -> Option<&User> {
        self.user
            .as_ref()
            .filter(|_| self.wanted.root == Path::new("/"))
    }

    fn such_as(&self, name: &str) -> String {
        let home = self.home.as_ref().filter(|home| {
            !PROTECTED.iter().any(|top| home.starts_with(top)) && *home != Path::new("/")
        });
        home.map(|home| format!(", such as {}", home.join(name).display()))
            .unwrap_or_default()
    }
}

/// Whether the user may make files in a folder, by its permission bits.
fn may_write(user: &User, folder: &Metadata) -> bool {
    let is_member = || {
        let group = Group::from_gid(folder.gid().into()).ok().flatten();
        let listed = group.is_some_and(|group| group.mem.contains(&user.name));
        user.gid.as_raw() == folder.gid() || listed
    };
    let wanted = match folder.uid() {
        _ if user.uid.is_root() => return true,
        owner if owner == user.uid.as_raw() => 0o300,
        _ if is_member() => 0o030,
        _ => 0o003,
    };
    folder.mode() & wanted == wanted
}
