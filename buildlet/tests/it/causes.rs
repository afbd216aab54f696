//! Why commands do not start, for programs: a trailer for those who ask (`buildlet.md` 18).

use crate::harness::Buildlet;
use crate::peer::{post, sh};

/// The same request, asking for the cause.
fn asking(request: Vec<u8>) -> String {
    let request = String::from_utf8(request).unwrap();
    request.replacen("Host: b1", "Host: b1\r\nX-Farmhand-Trailer: 1", 1)
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nTrailer: Process-State, X-Farmhand-Cause\r\nTransfer-Encoding: chunked";

#[tokio::test]
async fn causes_are_told_to_those_who_ask() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    let work = work.display();
    b.put("/write?path=text&mode=420", b"#!/bin/sh\n").await;
    b.put("/write?path=binary&mode=493", b"\x7fnonsense").await;
    let gone = format!("fork/exec {work}/gone: no such file or directory");
    let text = format!("fork/exec {work}/text: permission denied");
    let binary = format!("fork/exec {work}/binary: exec format error");
    for (pairs, state, cause) in [
        (&[("cmd", "gone")][..], gone.as_str(), "not-found"),
        (
            &[("cmd", "x"), ("mode", "sys")],
            "exec: \"x\": executable file not found in $PATH",
            "not-found",
        ),
        (&[("cmd", "text")], &text, "permission"),
        (
            &[("cmd", "/bin/true"), ("mode", "sys"), ("dir", "/none")],
            "chdir /none: no such file or directory",
            "bad-dir",
        ),
        (&[("cmd", "binary")], &binary, "invalid"),
    ] {
        let answer = b.ask(asking(post("/exec", pairs))).await;
        assert_eq!(answer.head, HEAD);
        let trailer = format!("Process-State: {state}\r\nX-Farmhand-Cause: {cause}");
        assert_eq!(answer.trailer, trailer, "{pairs:?}");
        // Nobody else sees more than in 2019.
        assert_eq!(b.post("/exec", pairs).await.state(), state);
    }
    for (script, state) in [("true", "ok"), ("exit 127", "exit status 127")] {
        let answer = b.ask(asking(sh(script))).await;
        assert_eq!((answer.head.as_str(), answer.state()), (HEAD, state));
    }
    b.end().await;
}

/// Without the guard no command may run: that is not the command's fault.
#[tokio::test]
async fn a_machine_that_cannot_start_commands_blames_none() {
    let b = Buildlet::direct(&["--guard-exe", "/none"], &[]).await;
    let answer = b.ask(asking(sh("true"))).await;
    assert_eq!(answer.head, HEAD);
    assert_eq!(answer.trailer, "X-Farmhand-Cause: machine");
    let mut old = b.dial().await;
    old.send(sh("true")).await;
    assert!(old.head().await.starts_with("HTTP/1.1 200 OK"));
    assert_eq!(old.until_closed().await, b"");
    assert!(b.log().contains("cannot start commands"), "{}", b.log());
    b.end().await;
}

#[tokio::test]
async fn commands_know_where_they_are() {
    let b = Buildlet::direct(&[], &[("PWD", "/old")]).await;
    b.script("sub/where.sh", "echo $PWD").await;
    let sub = format!("{}/sub\n", b.work_dir().display());
    let answer = b.post("/exec", &[("cmd", "sub/where.sh")]).await;
    assert_eq!(answer.text(), sub);
    let pairs = [
        ("cmd", "/usr/bin/env"),
        ("mode", "sys"),
        ("dir", "/"),
        ("env", "PWD=/new"),
    ];
    let answer = b.post("/exec", &pairs).await;
    let told: Vec<_> = answer
        .text()
        .lines()
        .filter(|line| line.starts_with("PWD="))
        .collect();
    assert_eq!(told, ["PWD=/"]);
    b.end().await;
}
