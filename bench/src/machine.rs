//! This machine and its processes, from `/proc`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{SysconfVar, sysconf};

/// What else goes on here: the noise that all figures carry.
#[must_use]
pub fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    let load: Vec<_> = load.split(' ').take(3).collect();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    format!("load {} on {cpus} CPUs", load.join(" "))
}

/// A figure of `/proc/<pid>/smaps_rollup` in kB: `Private_Dirty`, `Pss`, `Rss`.
#[must_use]
pub fn memory(pid: u32, figure: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let value = |line: &str| {
        line.strip_prefix(figure)?
            .strip_prefix(':')
            .map(str::to_owned)
    };
    let value = text.lines().find_map(value).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Seconds of CPU that a process has used.
#[must_use]
pub fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    let per_second = sysconf(SysconfVar::CLK_TCK).unwrap().unwrap();
    ticks as f64 / per_second as f64
}

/// Allows this process and its children so many open files.
///
/// # Errors
/// How many there may be, and what to do about it.
pub fn allow_files(wanted: u64) -> Result<(), String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if soft >= wanted {
        return Ok(());
    }
    // Only root may raise the hard limit.
    let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted));
    raised.map_err(|_| {
        format!(
            "{wanted} open files are needed and {hard} are allowed: raise the hard limit (`ulimit -Hn {wanted}` as root) \
             or take fewer machines"
        )
    })
}

/// A port that is free now.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The whole path of the program to measure. Where it is not there, this program ends and says how to build it.
#[must_use]
pub fn program(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|error| {
        let text = format!(
            "{}: {error}; build it with `cargo build --release`, or name another with --farm\n",
            path.display()
        );
        clap::Error::raw(clap::error::ErrorKind::Io, text).exit()
    })
}
