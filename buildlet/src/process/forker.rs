//! The one thread that starts children.
//!
//! The parent-death signal goes by the death of the *thread* that forked: threads of an async runtime come and go, and
//! would take commands with them. This one lives as long as [`Forker`].

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;

use tokio::sync::oneshot;

use super::image::Image;
use super::program::Program;

/// Commands that may wait to be started.
const QUEUE: usize = 64;

/// A child that leads its session, and the reading end of its output.
pub(super) struct Forked {
    pub child: Child,
    pub output: io::PipeReader,
}

struct Order {
    program: Program,
    guard: Arc<OwnedFd>,
    reply: oneshot::Sender<io::Result<Forked>>,
}

pub(super) struct Forker(mpsc::SyncSender<Order>);

impl Forker {
    pub fn new() -> io::Result<Self> {
        let (orders, queue) = mpsc::sync_channel::<Order>(QUEUE);
        std::thread::Builder::new()
            .name("forker".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || {
                for order in queue {
                    let forked = fork(order.program, order.guard);
                    // If nobody waits any more the child is killed with its group.
                    if let Err(Ok(mut unwanted)) = order.reply.send(forked) {
                        super::Group(unwanted.child.id().cast_signed()).kill();
                        drop(unwanted.child.wait());
                    }
                }
            })?;
        Ok(Self(orders))
    }

    pub async fn fork(&self, program: Program, guard: Arc<OwnedFd>) -> io::Result<Forked> {
        let (reply, answer) = oneshot::channel();
        self.0
            .try_send(Order {
                program,
                guard,
                reply,
            })
            .map_err(|_| io::Error::other("too many commands are being started"))?;
        answer
            .await
            .map_err(|_| io::Error::other("the forker is gone"))?
    }
}

fn fork(program: Program, guard: Arc<OwnedFd>) -> io::Result<Forked> {
    let image = Image::new(&program)?;
    let (output, input) = io::pipe()?;
    let mut command = Command::new(&program.path);
    command
        .current_dir(&program.dir)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input);
    lead::a_session(&mut command, guard, image);
    let child = command.spawn()?;
    // `command` holds writing ends of the pipe: with it they close here.
    drop(command);
    Ok(Forked { child, output })
}

/// What a child does between fork and exec.
mod lead {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::sync::Arc;

    use nix::sys::signal::{SigHandler, Signal, signal};
    use nix::unistd::{getpid, getppid, setsid};

    use super::Image;
    use crate::process::os::die_with_parent;

    /// Makes the child lead a session and its process group, die with this thread, tell the guard, and only then run
    /// the program: a group that the guard does not know cannot exist.
    #[expect(
        unsafe_code,
        reason = "what must happen between fork and exec has no other place"
    )]
    pub fn a_session(command: &mut Command, guard: Arc<OwnedFd>, image: Image) {
        let parent = getpid();
        let prepare = move || {
            setsid()?;
            die_with_parent()?;
            if getppid() != parent {
                return Err(io::Error::from_raw_os_error(nix::libc::ESRCH));
            }
            let mut line = [0; 12];
            let line = announcement(getpid().as_raw(), &mut line);
            // If the guard is just dying the write must fail, not kill.
            // SAFETY: neither is a handler of ours.
            unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }?;
            nix::unistd::write(&guard, line)?;
            // SAFETY: as above.
            unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
            Err(image.exec())
        };
        // SAFETY: the closure runs in the child of a program with several threads, so it may only make system calls that
        // are safe there: setsid, prctl, getppid, getpid, sigaction, write and execve are (POSIX 2.4.3; prctl is a bare
        // system call). It allocates nothing, takes no lock, and formats into an array of its own.
        unsafe { command.pre_exec(prepare) };
    }

    /// `+123\n`, written at the end of `line`.
    pub fn announcement(pid: i32, line: &mut [u8; 12]) -> &[u8] {
        let (mut at, mut left) = (line.len() - 1, pid.unsigned_abs());
        line[at] = b'\n';
        loop {
            at -= 1;
            line[at] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        line[at - 1] = b'+';
        &line[at - 1..]
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_child_announces_its_number() {
        for (pid, line) in [
            (1, "+1\n"),
            (40_302, "+40302\n"),
            (i32::MAX, "+2147483647\n"),
        ] {
            assert_eq!(
                super::lead::announcement(pid, &mut [0; 12]),
                line.as_bytes()
            );
        }
    }
}
