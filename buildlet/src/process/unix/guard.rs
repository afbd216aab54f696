//! The guard: a second process of this program that kills the groups of the first when that is killed itself.
//!
//! It reads `+<group>` and `-<group>` lines from a pipe of which only the first process has the writing end. At its end
//! of file it kills every group still listed, and ends.

use std::collections::HashSet;
use std::io::{self, BufRead};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use nix::sys::signal::{SigHandler, Signal, signal};
use parking_lot::Mutex;

use super::{Group, GuardCommand};

/// The first process's side.
pub(super) struct Guard {
    command: GuardCommand,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    process: Option<(Child, Arc<OwnedFd>)>,
    groups: HashSet<Group>,
}

impl Guard {
    pub fn new(command: GuardCommand) -> Self {
        Self {
            command,
            state: Mutex::default(),
        }
    }

    /// Where a child announces itself; starts the guard if it does not live.
    pub fn pipe(&self) -> io::Result<Arc<OwnedFd>> {
        let mut state = self.state.lock();
        if let Some((child, pipe)) = &mut state.process
            && child.try_wait()?.is_none()
        {
            return Ok(pipe.clone());
        }
        let (child, pipe) = self.spawn()?;
        for group in &state.groups {
            say(&pipe, '+', *group)?;
        }
        let pipe = Arc::new(pipe);
        state.process = Some((child, pipe.clone()));
        Ok(pipe)
    }

    /// The guard behind this pipe does not read any more.
    pub fn give_up(&self, pipe: &Arc<OwnedFd>) {
        let mut state = self.state.lock();
        let its = |(_, of): &mut (Child, Arc<OwnedFd>)| Arc::ptr_eq(of, pipe);
        if let Some((mut child, _)) = state.process.take_if(its) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// A group of its own keeps the terminal's signals from it.
    fn spawn(&self) -> io::Result<(Child, OwnedFd)> {
        let mut command = Command::new(&self.command.exe);
        command
            .args(&self.command.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        deaf(&mut command);
        let mut child = command.spawn()?;
        let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok((child, OwnedFd::from(pipe)))
    }

    /// A child of this group has announced itself and lives.
    pub fn remember(&self, group: Group) {
        self.state.lock().groups.insert(group);
    }

    /// Groups that live, by their leaders.
    pub fn leaders(&self) -> Vec<u32> {
        let state = self.state.lock();
        let leaders = state.groups.iter().map(|group| group.0.unsigned_abs());
        let mut leaders: Vec<u32> = leaders.collect();
        leaders.sort_unstable();
        leaders
    }

    /// The group is dead and its number free.
    pub fn forget(&self, group: Group) {
        let mut state = self.state.lock();
        state.groups.remove(&group);
        if let Some((_, pipe)) = &state.process {
            // A dead guard is replaced before the next command.
            drop(say(pipe, '-', group));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some((mut child, pipe)) = self.state.lock().process.take() {
            drop(pipe);
            drop(child.wait());
        }
    }
}

/// Signals meant for the buildlet may reach all that belongs to it: its end alone is what the guard waits for. What is
/// ignored before exec stays ignored, so that there is no moment in which they kill it.
#[expect(
    unsafe_code,
    reason = "what must happen between fork and exec has no other place"
)]
fn deaf(command: &mut Command) {
    let ignore = || {
        for meant_for_us in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            // SAFETY: no handler is set.
            unsafe { signal(meant_for_us, SigHandler::SigIgn) }?;
        }
        Ok(())
    };
    // SAFETY: the closure only calls sigaction, which may be called there (POSIX 2.4.3).
    unsafe { command.pre_exec(ignore) };
}

/// One line in one write: children write to the same pipe.
pub(super) fn say(pipe: &OwnedFd, sign: char, group: Group) -> io::Result<()> {
    nix::unistd::write(pipe, format!("{sign}{}\n", group.0).as_bytes())?;
    Ok(())
}

/// The guard's whole life.
///
/// # Errors
/// Its input fails.
pub(super) fn watch(input: impl BufRead) -> io::Result<()> {
    let mut groups = HashSet::new();
    let read = collect(input, &mut groups);
    groups.iter().for_each(|group: &Group| group.kill());
    read
}

pub(super) fn collect(input: impl BufRead, groups: &mut HashSet<Group>) -> io::Result<()> {
    for line in input.lines() {
        let line = line?;
        let group = |text: &str| text.parse().ok().filter(|group| *group > 1).map(Group);
        if let Some(group) = line.strip_prefix('+').and_then(group) {
            groups.insert(group);
        } else if let Some(group) = line.strip_prefix('-').and_then(group) {
            groups.remove(&group);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_keeps_what_was_announced_and_not_forgotten() {
        let mut groups = HashSet::new();
        collect(&b"+20\n+30\n-20\n+1\n+0\nnoise\n+-5\n"[..], &mut groups).unwrap();
        assert_eq!(groups, HashSet::from([Group(30)]));
    }
}
