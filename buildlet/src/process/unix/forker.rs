//! The one thread that starts children.
//!
//! The parent-death signal goes by the death of the *thread* that forked: threads of an async runtime come and go, and
//! would take commands with them. This one lives as long as [`Forker`].

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;

use nix::errno::Errno;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use tokio::sync::oneshot;

use super::Group;
use super::Program;
use super::guard::say;
use super::image::Image;

/// Commands that may wait to be started.
const QUEUE: usize = 64;

/// A child that leads its session, and the reading end of its output.
pub(super) struct Forked {
    pub child: Child,
    pub output: io::PipeReader,
    pub unclaimed: Unclaimed,
}

/// A child that nobody waits for yet. Dropped like that, it is killed with its group, reaped, and taken from the guard's
/// list, since its number may be another's from then on.
pub(super) struct Unclaimed {
    group: Group,
    guard: Option<Arc<OwnedFd>>,
}

impl Unclaimed {
    /// Somebody else sees to its end.
    pub fn claim(mut self) {
        self.guard = None;
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        let Some(guard) = self.guard.take() else {
            return;
        };
        self.group.kill();
        let reap = || waitpid(Pid::from_raw(self.group.0), None);
        while reap() == Err(Errno::EINTR) {}
        // A dead guard is replaced before the next command.
        drop(say(&guard, '-', self.group));
    }
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
                    // If nobody waits any more, the child ends by being dropped.
                    drop(order.reply.send(fork(order.program, order.guard)));
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
    lead::a_session(&mut command, guard.clone(), image);
    let child = command.spawn()?;
    // `command` holds writing ends of the pipe: with it they close here.
    drop(command);
    let unclaimed = Unclaimed {
        group: Group(child.id().cast_signed()),
        guard: Some(guard),
    };
    Ok(Forked {
        child,
        output,
        unclaimed,
    })
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

    use super::super::session::die_with_parent;
    use super::Image;

    /// Makes the child lead a session and its process group, die with this thread, tell the guard, and only then run
    /// the program: a group that the guard does not know cannot exist. If there is no such program it tells the guard that
    /// too, while its number is its own.
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
            let line = announcement(b'+', getpid().as_raw(), &mut line);
            // If the guard is just dying the write must fail, not kill.
            // SAFETY: neither is a handler of ours.
            unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }?;
            nix::unistd::write(&guard, line)?;
            // SAFETY: as above.
            unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
            let error = image.exec();
            let mut line = [0; 12];
            let line = announcement(b'-', getpid().as_raw(), &mut line);
            // SAFETY: as above.
            unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }?;
            // Why there is no program is what is told.
            let _ = nix::unistd::write(&guard, line);
            Err(error)
        };
        // SAFETY: the closure runs in the child of a program with several threads, so it may only make system calls that
        // are safe there: setsid, prctl, getppid, getpid, sigaction, write and execve are (POSIX 2.4.3; prctl is a bare
        // system call). It allocates nothing, takes no lock, and formats into an array of its own.
        unsafe { command.pre_exec(prepare) };
    }

    /// `+123\n` or `-123\n`, written at the end of `line`.
    pub fn announcement(sign: u8, pid: i32, line: &mut [u8; 12]) -> &[u8] {
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
        line[at - 1] = sign;
        &line[at - 1..]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::{BufRead, BufReader};
    use std::time::Duration;

    use super::super::guard::collect;
    use super::*;

    #[test]
    fn a_child_announces_its_number() {
        for (sign, pid, line) in [
            (b'+', 1, "+1\n"),
            (b'-', 40_302, "-40302\n"),
            (b'+', i32::MAX, "+2147483647\n"),
        ] {
            let mut text = [0; 12];
            assert_eq!(lead::announcement(sign, pid, &mut text), line.as_bytes());
        }
    }

    fn program(path: &str, args: &[&str]) -> Program {
        Program {
            path: path.into(),
            name: path.into(),
            args: args.iter().map(Into::into).collect(),
            dir: "/".into(),
            env: Vec::new(),
        }
    }

    /// What a guard reads, up to the end of all who could tell it something.
    struct Told(BufReader<io::PipeReader>);

    impl Told {
        fn pipe() -> (Self, Arc<OwnedFd>) {
            let (reader, writer) = io::pipe().unwrap();
            (Self(BufReader::new(reader)), Arc::new(writer.into()))
        }

        /// How many began, and who is left.
        fn all(self) -> (usize, HashSet<Group>) {
            let lines: Vec<String> = self.0.lines().map(Result::unwrap).collect();
            let mut left = HashSet::new();
            collect(lines.join("\n").as_bytes(), &mut left).unwrap();
            let began = lines.iter().filter(|line| line.starts_with('+')).count();
            (began, left)
        }
    }

    #[tokio::test]
    async fn what_could_not_be_started_is_not_on_the_guards_list() {
        let (told, pipe) = Told::pipe();
        let forker = Forker::new().unwrap();
        for path in ["/none", "/", "/etc/passwd", "/none"] {
            assert!(forker.fork(program(path, &[]), pipe.clone()).await.is_err());
        }
        drop((forker, pipe));
        assert_eq!(told.all(), (4, HashSet::new()));
    }

    #[tokio::test]
    async fn what_nobody_waits_for_ends_and_is_not_on_the_guards_list() {
        let (told, pipe) = Told::pipe();
        let forker = Forker::new().unwrap();
        let sleep = program("/bin/sleep", &["1000"]);
        let given_up =
            tokio::time::timeout(Duration::ZERO, forker.fork(sleep.clone(), pipe.clone()));
        drop(given_up.await);
        // Taken, and then not wanted.
        drop(forker.fork(sleep, pipe.clone()).await.unwrap());
        drop((forker, pipe));
        assert_eq!(told.all(), (2, HashSet::new()));
    }
}
