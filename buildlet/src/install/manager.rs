//! The service managers of systems: which file a service is, and what is to be done with it by hand.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::{Service, launchd, rc_d, systemd, task};

/// A kind of service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each system has one of them")]
pub(super) enum Manager {
    Systemd,
    Launchd,
    FreeBsd,
    NetBsd,
    OpenBsd,
    TaskScheduler,
}

#[cfg(target_os = "macos")]
const HERE: Option<Manager> = Some(Manager::Launchd);
#[cfg(target_os = "freebsd")]
const HERE: Option<Manager> = Some(Manager::FreeBsd);
#[cfg(target_os = "netbsd")]
const HERE: Option<Manager> = Some(Manager::NetBsd);
#[cfg(target_os = "openbsd")]
const HERE: Option<Manager> = Some(Manager::OpenBsd);
#[cfg(target_os = "linux")]
const HERE: Option<Manager> = Some(Manager::Systemd);
#[cfg(target_os = "windows")]
const HERE: Option<Manager> = Some(Manager::TaskScheduler);
#[cfg(not(any(
    target_os = "macos",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "linux",
    target_os = "windows"
)))]
const HERE: Option<Manager> = None;

impl Manager {
    /// The one of this system.
    ///
    /// # Errors
    /// None is known.
    pub(super) fn here() -> anyhow::Result<Self> {
        HERE.context("no service manager of this system is known here")
    }

    /// The file's text.
    pub(super) fn text(self, service: &Service) -> String {
        match self {
            Self::Systemd => systemd::unit(service),
            Self::Launchd => launchd::property_list(service),
            Self::FreeBsd => rc_d::freebsd(service),
            Self::NetBsd => rc_d::netbsd(service),
            Self::OpenBsd => rc_d::openbsd(service),
            Self::TaskScheduler => task::xml(service),
        }
    }

    /// The file, and its mode: scripts are run.
    ///
    /// # Errors
    /// There are no services of users here.
    pub(super) fn file(
        self,
        name: &str,
        user: bool,
        home: &Path,
    ) -> anyhow::Result<(PathBuf, u32)> {
        Ok(match (self, user) {
            (Self::Systemd, false) => (format!("/etc/systemd/system/{name}.service").into(), 0o644),
            (Self::Systemd, true) => (
                home.join(format!(".config/systemd/user/{name}.service")),
                0o644,
            ),
            (Self::Launchd, false) => (
                format!("/Library/LaunchDaemons/{}.plist", launchd::label(name)).into(),
                0o644,
            ),
            (Self::Launchd, true) => (
                home.join(format!(
                    "Library/LaunchAgents/{}.plist",
                    launchd::label(name)
                )),
                0o644,
            ),
            (_, true) => bail!("services of users are unknown to this system; use --run-as"),
            (Self::FreeBsd, _) => (format!("/usr/local/etc/rc.d/{name}").into(), 0o755),
            (Self::NetBsd | Self::OpenBsd, _) => (format!("/etc/rc.d/{name}").into(), 0o755),
            (Self::TaskScheduler, _) => {
                (format!(r"C:\ProgramData\Farmhand\{name}.xml").into(), 0o644)
            }
        })
    }

    /// What remains to be done by hand, for a service of this user, or of who installs it.
    pub(super) fn next(self, name: &str, run_as: Option<&str>, file: &Path) -> String {
        match self {
            Self::Systemd => {
                let user = if run_as.is_none() { " --user" } else { "" };
                format!("systemctl{user} daemon-reload && systemctl{user} enable --now {name}")
            }
            Self::Launchd => format!("launchctl load -w {}", file.display()),
            Self::FreeBsd => format!("sysrc {name}_enable=YES && service {name} start"),
            Self::NetBsd => format!("echo {name}=YES >> /etc/rc.conf && service {name} start"),
            Self::OpenBsd => format!("rcctl enable {name} && rcctl start {name}"),
            Self::TaskScheduler => task::next(name, run_as, &file.to_string_lossy()),
        }
    }

    /// What to do before the file goes.
    pub(super) fn stop(self, name: &str, user: bool, file: &Path) -> String {
        match self {
            Self::Systemd => {
                let user = if user { " --user" } else { "" };
                format!("systemctl{user} disable --now {name}; systemctl{user} daemon-reload")
            }
            Self::Launchd => format!("launchctl remove {}", launchd::label(name)),
            Self::FreeBsd => format!("service {name} stop; sysrc -x {name}_enable"),
            Self::NetBsd | Self::OpenBsd => format!("kill what {} started", file.display()),
            Self::TaskScheduler => task::stop(name),
        }
    }
}
