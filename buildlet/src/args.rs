//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgAction, Parser};

use crate::ssh::SshArgs;

const EXAMPLES: &str = "\
Examples:
  A Raspberry Pi behind a home router, building for a hub out there:
    buildlet --coordinator farm.example:8119 --reverse-type host-linux-pi --key-file /etc/farm.key
  A hub with a certificate of its own:
    buildlet --coordinator 10.0.0.7:8119 --server-name localhost --ca hub.pem --reverse-type host-linux --key-file key
  Serving directly, to be tried with curl:
    buildlet --listen 127.0.0.1:5936 --workdir /tmp/work";

/// Runs builds on this machine, for the hub it dials or for whoever reaches --listen.
#[derive(Debug, Parser)]
#[command(name = "buildlet", version, after_help = EXAMPLES)]
pub struct Args {
    /// The hub's address, in reverse mode.
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:8119")]
    pub coordinator: String,

    /// What kind of machine this is; dials the hub and serves it.
    #[arg(long, value_name = "HOST_TYPE")]
    pub reverse_type: Option<String>,

    /// The name to go by. Default: the machine's own.
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,

    /// A file that holds the key of this machine. Default: ~/.gobuildkey-HOST_TYPE
    #[arg(long, value_name = "PATH", env = "GO_BUILD_KEY_PATH")]
    pub key_file: Option<PathBuf>,

    /// Certificates (PEM) to trust instead of the public ones.
    #[arg(long, value_name = "PATH")]
    pub ca: Option<PathBuf>,

    /// The name that the hub's certificate must carry. Default: the host of --coordinator.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,

    /// Believe any hub. For trials: whoever answers gets the key and may run anything here.
    #[arg(long, conflicts_with = "ca")]
    pub insecure_skip_verify: bool,

    /// Where builds live; made if it is missing. Default: /workdir if that is in memory, else a temporary folder.
    #[arg(long, value_name = "DIR")]
    pub workdir: Option<PathBuf>,

    /// Serve directly on this address; other than loopback only with a password.
    #[arg(long, value_name = "ADDR", conflicts_with = "reverse_type")]
    pub listen: Option<SocketAddr>,

    /// A file that holds the password of direct mode.
    #[arg(long, value_name = "PATH", requires = "listen")]
    pub password_file: Option<PathBuf>,

    /// The password of direct mode, as containers get it.
    #[arg(long, env = "META_password", hide = true, hide_env_values = true)]
    pub password: Option<String>,

    /// The way to a shell on this machine.
    #[command(flatten)]
    pub ssh: SshArgs,

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
}
