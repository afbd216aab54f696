//! The command line (`buildlet.md` 2.1).

mod go_style;
mod install;
mod stage0;

pub use go_style::from_go_style;
pub use install::{InstallArgs, UninstallArgs};
pub use stage0::Stage0Args;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

use crate::direct::Listen;

use crate::ssh::SshArgs;

const EXAMPLES: &str = "\
Examples:
  A Raspberry Pi behind a home router, building for a hub out there:
    buildlet --coordinator farm.example:8119 --reverse-type host-linux-pi --key-file ~/farm.key
  A hub with a certificate of its own:
    buildlet --coordinator 10.0.0.7:8119 --server-name localhost --ca hub.pem --reverse-type host-linux --key-file key
  Serving directly, to be tried with curl:
    buildlet --listen 127.0.0.1:5936 --workdir /tmp/work
  For good, as a service of this system (shows what it would write):
    buildlet install --print --run-as farm -- --coordinator farm.example:8119 --reverse-type host-linux-pi --key-file /home/farm/farm.key

Long options may have a single dash, as in 2019: -reverse-type=host-linux-pi -halt=false.";

/// Runs builds on this machine, for the hub it dials or for whoever reaches --listen.
#[derive(Debug, Parser)]
#[command(name = "buildlet", version, after_help = EXAMPLES)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The hub's address, in reverse mode. Default port: 443.
    #[arg(long, value_name = "HOST[:PORT]", default_value = "localhost:8119")]
    pub coordinator: String,

    /// What kind of machine this is; dials the hub and serves it.
    #[arg(long, value_name = "HOST_TYPE")]
    pub reverse_type: Option<String>,

    /// The old form of --reverse-type: names of builders.
    #[arg(
        long,
        value_name = "BUILDER,…",
        value_delimiter = ',',
        conflicts_with = "reverse_type",
        hide_short_help = true
    )]
    pub reverse: Vec<String>,

    /// The name to go by. Default: the machine's own.
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,

    /// A file that holds the key of this machine. Default: ~/.gobuildkey-HOST_TYPE
    #[arg(long, value_name = "PATH", env = "GO_BUILD_KEY_PATH")]
    pub key_file: Option<PathBuf>,

    /// Register with the key of 2019's development mode, which everybody knows. For trials.
    #[arg(long)]
    pub dev_key: bool,

    /// Certificates (PEM) to trust instead of the public ones; for downloads, beside them.
    #[arg(long, value_name = "PATH")]
    pub ca: Option<PathBuf>,

    /// The name that the hub's certificate must carry. Default: the host of --coordinator.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,

    /// Believe any hub. For trials: whoever answers gets the key and may run anything here.
    #[arg(long, conflicts_with = "ca")]
    pub insecure_skip_verify: bool,

    /// Where builds live; made if it is missing. Default: /workdir if that is in memory, else a temporary folder; on
    /// Windows C:\workdir.
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,

    /// Serve directly on this address; other than loopback only with a password. AUTO, which is meant if nothing is
    /// said: localhost:5936, and on a virtual machine of Google's port 443, or 80 without a certificate.
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["reverse_type", "reverse"])]
    pub listen: Option<Listen>,

    /// A file that holds the password of direct mode.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["reverse_type", "reverse"])]
    pub password_file: Option<PathBuf>,

    /// The password of direct mode, as containers get it.
    #[arg(long, env = "META_password", hide = true, hide_env_values = true)]
    pub password: Option<String>,

    /// The way to a shell on this machine.
    #[command(flatten)]
    pub ssh: SshArgs,
    /// Serve directly with TLS: a file with the certificate chain (PEM).
    #[arg(long, value_name = "PATH", requires = "tls_key", conflicts_with_all = ["reverse_type", "reverse"])]
    pub tls_cert: Option<PathBuf>,

    /// A file with the private key of --tls-cert (PEM).
    #[arg(long, value_name = "PATH", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Whether to power the machine down when asked to halt, rather than only end.
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub halt: bool,

    /// Reboot when asked to halt.
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub reboot: bool,

    /// End when standard input does: whoever started this machine for itself holds the other end.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,

    /// Be the guard of another buildlet: ends its commands when it is killed.
    #[arg(long, hide = true)]
    pub guard: bool,

    /// The program to run as the guard. Default: this one.
    #[arg(long, value_name = "PATH", hide = true)]
    pub guard_exe: Option<PathBuf>,

    /// What comes before --guard on its command line; by default what stands before this one's first option.
    #[arg(
        long = "guard-arg",
        value_name = "ARG",
        hide = true,
        allow_hyphen_values = true
    )]
    pub guard_args: Vec<OsString>,
}

/// What a buildlet can do besides serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make this a service that starts with the system
    Install(InstallArgs),
    /// Remove the service again
    Uninstall(UninstallArgs),
    /// Fetch the newest buildlet, verify it, run it
    Stage0(Stage0Args),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_halting_is_asked_for() {
        use clap::CommandFactory;
        Args::command().debug_assert();
        let parse = |args: &[&str]| Args::try_parse_from(["buildlet"].iter().chain(args));
        assert!(!parse(&[]).unwrap().halt);
        assert!(parse(&["--halt"]).unwrap().halt);
        assert!(!parse(&["--halt=false"]).unwrap().halt);
        assert!(!parse(&["--reboot=false"]).unwrap().reboot);
        assert!(parse(&["--reboot"]).unwrap().reboot);
        assert!(parse(&["--listen", "127.0.0.1:0", "--reverse-type", "x"]).is_err());
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let parse = |args: &[&str]| Args::try_parse_from(["buildlet"].iter().chain(args));
        assert!(parse(&["--reverse", "a,b", "--reverse-type", "x"]).is_err());
        assert!(parse(&["--tls-cert", "x"]).is_err());
        assert!(parse(&["--listen", "nowhere"]).is_err());
        assert_eq!(parse(&["--reverse=a,b"]).unwrap().reverse, ["a", "b"]);
        assert_eq!(
            parse(&["--listen=AUTO"]).unwrap().listen,
            Some(Listen::Auto)
        );
    }
}
