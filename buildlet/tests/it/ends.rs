//! What becomes of commands when somebody goes away, and of memory meanwhile.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;

use crate::harness::{Buildlet, gone, group, kilobytes, lives, pids, until};
use crate::peer::{Peer, bare, sh};

/// A shell, its child, the child of that, and a child in a group of its own; their numbers are in `file`.
fn family(file: &std::path::Path) -> Vec<u8> {
    let file = file.display();
    sh(&format!(
        "trap '' TERM HUP INT\n\
         bash -c 'set -m; sleep 1000 & echo $! > {file}.job.new; mv {file}.job.new {file}.job; wait' &\n\
         sh -c 'sleep 1000 & echo $! $$ > {file}.young; mv {file}.young {file}.family; wait' &\n\
         until test -e {file}.family -a -e {file}.job; do sleep 0.01; done\n\
         echo $$ $(cat {file}.job {file}.family) > {file}.new; mv {file}.new {file}; wait"
    ))
}

/// Four that run, on a connection.
async fn running(b: &Buildlet, name: &str) -> (Peer, Vec<u32>) {
    let file = b.outside(name);
    let mut peer = b.dial().await;
    peer.send(family(&file)).await;
    peer.head().await;
    let pids = pids(&file).await;
    assert_eq!(pids.len(), 4);
    assert!(pids.iter().all(|pid| lives(*pid)));
    let groups = [0, 1, 3].map(|at| group(pids[at]));
    assert_eq!(groups, [pids[0], pids[1], pids[0]]);
    (peer, pids)
}

#[tokio::test]
async fn a_client_that_goes_takes_all_its_processes_along() {
    let b = Buildlet::start().await;
    let (other, others) = running(&b, "other").await;
    let (closing, pids) = running(&b, "closing").await;
    drop(closing);
    gone(&pids).await;
    // Half of a connection closed counts as well, and is answered by an end without a trailer.
    let (mut half, pids) = running(&b, "half").await;
    half.stream.shutdown().await.unwrap();
    gone(&pids).await;
    assert_eq!(half.until_closed().await, b"");
    let (reset, pids) = running(&b, "reset").await;
    reset.stream.set_zero_linger().unwrap();
    drop(reset);
    gone(&pids).await;
    // Others are not concerned.
    assert!(others.iter().all(|pid| lives(*pid)));
    drop(other);
    gone(&others).await;
    assert_eq!(b.ask(sh("echo hello")).await.text(), "hello\n");
    b.end().await;
}

/// Nobody reads the output: back-pressure, until the client goes.
#[tokio::test]
async fn a_flooding_command_dies_with_a_client_that_does_not_read() {
    let b = Buildlet::start().await;
    let mut peer = b.dial().await;
    peer.send(sh("echo $$ > pid; exec yes")).await;
    let pids = pids(&b.work_dir().join("pid")).await;
    peer.head().await;
    peer.chunk().await.unwrap();
    assert_eq!(b.get("/status").await.status, 200);
    drop(peer);
    gone(&pids).await;
    b.end().await;
}

#[tokio::test]
async fn a_killed_buildlet_takes_its_commands_along() {
    let mut b = Buildlet::start().await;
    let (mut one, mut pids) = running(&b, "one").await;
    let (_two, more) = running(&b, "two").await;
    pids.extend(more);
    let guard = b.guard().unwrap();
    b.signal(Signal::SIGKILL);
    b.ended().await;
    gone(&pids).await;
    gone(&[guard]).await;
    b.nothing_runs().await;
    one.until_closed().await;
}

#[tokio::test]
async fn a_buildlet_told_to_end_takes_its_commands_along() {
    let mut b = Buildlet::start().await;
    let (_peer, pids) = running(&b, "one").await;
    let guard = b.guard().unwrap();
    b.signal(Signal::SIGTERM);
    // The command does not end by itself, and is given five seconds.
    assert_eq!(b.ended().await.code(), Some(1));
    // They are dead when it says so, not some time later.
    assert!(!pids.iter().any(|pid| lives(*pid)));
    // The guard sees the end and follows.
    gone(&[guard]).await;
}

#[tokio::test]
async fn the_guard_survives_the_signals_that_end_the_buildlet_and_is_replaced_if_killed() {
    let mut b = Buildlet::start().await;
    assert_eq!(b.guard(), None, "no commands, no guard");
    let (_one, mut pids) = running(&b, "one").await;
    let guard = Pid::from_raw(b.guard().unwrap() as i32);
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        kill(guard, signal).unwrap();
    }
    assert_eq!(b.ask(sh("true")).await.state(), "ok");
    assert_eq!(b.guard(), Some(guard.as_raw() as u32));
    kill(guard, Signal::SIGKILL).unwrap();
    until("the guard's end", || !lives(guard.as_raw() as u32)).await;
    let (_two, more) = running(&b, "two").await;
    pids.extend(more);
    assert_ne!(b.guard(), Some(guard.as_raw() as u32));
    // The new one knows of the old one's groups.
    b.signal(Signal::SIGKILL);
    b.ended().await;
    gone(&pids).await;
}

#[tokio::test]
async fn a_hundred_megabytes_of_output_need_little_memory() {
    let b = Buildlet::start().await;
    assert_eq!(b.ask(sh("true")).await.state(), "ok");
    let peak = || kilobytes(b.pid(), "status", "VmHWM");
    let before = peak();
    let mut peer = b.dial().await;
    peer.send(sh("head -c 104857600 /dev/zero | tr '\\0' x; exit 1"))
        .await;
    peer.head().await;
    let mut length = 0;
    while let Some(chunk) = peer.chunk().await {
        assert!(chunk.len() <= 32 << 10 && chunk.iter().all(|&byte| byte == b'x'));
        length += chunk.len();
    }
    assert_eq!(peer.block().await, "Process-State: exit status 1\r\n");
    assert_eq!(length, 104_857_600);
    let grown = peak() - before;
    println!("peak memory grew by {grown} kB from {before} kB while 100 MB were printed");
    assert!(grown < 16 << 10, "{grown} kB");
    b.end().await;
}

#[tokio::test]
async fn idle_it_needs_little_memory_and_so_does_its_guard() {
    let b = Buildlet::start().await;
    assert_eq!(b.ask(bare("GET", "/status")).await.status, 200);
    // Pages of a program that was just linked count as dirty until they are on disk: they are not its memory.
    let private = |pid| kilobytes(pid, "smaps_rollup", "Anonymous");
    let fresh = private(b.pid());
    assert_eq!(b.ask(sh("true")).await.state(), "ok");
    let (used, guard) = (private(b.pid()), private(b.guard().unwrap()));
    println!("private memory: {fresh} kB fresh, {used} kB after a command, {guard} kB its guard");
    assert!(fresh < 3 << 10 && used < 3 << 10 && guard < 3 << 10);
    b.end().await;
}
