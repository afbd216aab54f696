//! Waiting for children, and reaping them only when nobody needs their number any more.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::Arc;
use std::sync::mpsc;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use super::forker::Forked;
use super::guard::Guard;
use super::{Group, Living, Running};

/// Watches a child from a small thread of its own, until it is reaped.
pub(super) fn watch(forked: Forked, guard: Arc<Guard>, living: Living) -> io::Result<Running> {
    let group = Group(forked.child.id().cast_signed());
    guard.remember(group);
    let (exited, exit) = oneshot::channel();
    let (release, released) = mpsc::channel();
    let (ended, end) = oneshot::channel();
    let output = pipe::Receiver::from_owned_fd(OwnedFd::from(forked.output));
    let (mut child, unclaimed) = (forked.child, forked.unclaimed);
    let of_life = guard.clone();
    let life = move || {
        until_exit(&child);
        let _ = exited.send(());
        // A zombie keeps its number, and so its group's, from being given away: kills hit nobody else until here.
        let _ = released.recv();
        group.kill();
        let status = child.wait();
        of_life.forget(group);
        drop(living);
        drop(ended.send(status));
    };
    let watching = std::thread::Builder::new()
        .name("waiter".to_owned())
        .stack_size(256 * 1024)
        .spawn(life);
    if let Err(error) = watching {
        drop(unclaimed);
        guard.forget(group);
        return Err(error);
    }
    unclaimed.claim();
    match output {
        Ok(output) => Ok(Running::new(group, output, exit, release, end)),
        Err(error) => {
            group.kill();
            Err(error)
        }
    }
}

/// Returns when the child has ended, without reaping it.
fn until_exit(child: &Child) {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let ended = || waitid(WaitId::Pid(Pid::from_child(child)), options);
    while matches!(ended(), Err(Errno::INTR)) {}
}
