//! Keeping builds off the network (`buildlet.md` 5.7), with a packet filter that only writes down what it is told.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::{Buildlet, PATH};
use crate::peer::sh_with;

/// A program of this name that appends its arguments to `told`, and then does `more`.
fn filter(folder: &Path, name: &str, more: &str) {
    let program = folder.join(name);
    let told = folder.join("told");
    let text = format!("#!/bin/sh\necho \"$@\" >> {}\n{more}\n", told.display());
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn told(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

async fn machine(folder: &Path) -> Buildlet {
    let path = format!("{}:{PATH}", folder.display());
    Buildlet::direct(&[], &[("PATH", &path)]).await
}

const BLOCK: (&str, &str) = ("env", "GO_DISABLE_OUTBOUND_NETWORK=true");

#[tokio::test]
async fn the_network_is_blocked_once_and_only_when_a_command_asks() {
    let folder = tempfile::tempdir().unwrap();
    filter(folder.path(), "iptables", "exit 0");
    filter(folder.path(), "iptables-legacy", "exit 0");
    let b = machine(folder.path()).await;
    let no = ("env", "GO_DISABLE_OUTBOUND_NETWORK=false");
    assert_eq!(b.ask(sh_with("true", &[no])).await.state(), "ok");
    assert_eq!(told(folder.path()), [""; 0]);
    for _ in 0..2 {
        assert_eq!(b.ask(sh_with("true", &[BLOCK])).await.state(), "ok");
    }
    let reject = "-j REJECT --reject-with icmp-host-prohibited";
    let new = "-m state --state NEW";
    assert_eq!(
        told(folder.path()),
        [
            format!("-I OUTPUT 1 {new} -p tcp --dport 80 {reject}"),
            format!("-I OUTPUT 1 {new} -p tcp --dport 443 {reject}"),
            format!("-I OUTPUT 1 {new} -p tcp --dport 22 {reject}"),
            format!("-I OUTPUT 1 {new} -d 10.0.0.0/8 -p tcp -j ACCEPT"),
            format!("-I OUTPUT 1 {new} -d 35.184.38.56 -p tcp -j ACCEPT"),
        ]
    );
    b.end().await;
}

#[tokio::test]
async fn a_filter_that_refuses_is_logged_and_commands_run() {
    let folder = tempfile::tempdir().unwrap();
    filter(folder.path(), "iptables", "echo not permitted >&2; exit 4");
    let b = machine(folder.path()).await;
    assert_eq!(b.ask(sh_with("true", &[BLOCK])).await.state(), "ok");
    assert_eq!(told(folder.path()).len(), 5, "the others are tried");
    assert!(b.log().contains("not permitted"), "{}", b.log());
    b.end().await;
}
