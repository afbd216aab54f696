//! The farm's own client against a real buildlet.

use std::sync::Arc;
use std::time::Duration;

use farm_wire::client::{Client, Exec, RemoteError, TransportError};
use farm_wire::stream::TcpConnect;

use crate::harness::{Buildlet, listener_of, until, within};

const MINUTE: Duration = Duration::from_secs(60);

fn client_of(b: &Buildlet) -> Client {
    let address = listener_of(b.pid()).unwrap().to_string();
    Client::new(Arc::new(TcpConnect::new(&address)), "b1")
}

fn sh(script: &str) -> Exec {
    let mut command = Exec::new("/bin/sh", MINUTE);
    command.args = vec!["-c".to_owned(), script.to_owned()];
    command.system_level = true;
    command
}

async fn said(client: &Client, command: &Exec) -> (Result<(), RemoteError>, String) {
    let mut output = Vec::new();
    let ended = within("a command", client.exec(command, &mut output)).await;
    (ended.unwrap(), String::from_utf8(output).unwrap())
}

#[tokio::test]
async fn a_build_of_small_steps_goes_through() {
    let b = Buildlet::start().await;
    let client = client_of(&b);
    assert!(client.status().await.unwrap().version >= 23);
    let work = b.work_dir().to_str().unwrap().to_owned();
    assert_eq!(client.work_dir().await.unwrap(), work);
    let script = &b"#!/bin/sh\necho $FOO $1; exit 3\n"[..];
    client.write(script, "a.sh", 0o755).await.unwrap();
    let mut command = Exec::new("a.sh", MINUTE);
    command.args = vec!["x".to_owned()];
    command.env = vec!["FOO=bar".to_owned()];
    let failed = Err(RemoteError("exit status 3".to_owned()));
    assert_eq!(
        said(&client, &command).await,
        (failed, "bar x\n".to_owned())
    );
    let mut command = sh("echo $PATH");
    command.path = Some(vec!["$WORKDIR/go/bin".to_owned(), "$PATH".to_owned()]);
    let (_, path) = said(&client, &command).await;
    assert!(
        path.starts_with(&format!("{work}/go/bin:/usr/bin")),
        "{path}"
    );
    let mut command = Exec::new("/usr/bin/env", MINUTE);
    command.system_level = true;
    command.path = Some(Vec::new());
    let (_, variables) = said(&client, &command).await;
    let path = variables.lines().find(|line| line.starts_with("PATH="));
    assert_eq!(path, None);
    let (gone, _) = said(&client, &Exec::new("gone.sh", MINUTE)).await;
    assert!(gone.unwrap_err().0.contains("no such file or directory"));
    let refused = client.start(&Exec::new("../x", MINUTE)).await;
    assert!(
        matches!(refused, Err(TransportError::Status { status: 400, .. })),
        "{refused:?}"
    );
    assert!(!client.is_broken());
    b.end().await;
}

#[tokio::test]
async fn a_tree_goes_down_and_up_in_both_forms() {
    let b = Buildlet::start().await;
    let client = client_of(&b);
    let made = "mkdir -p t/d; head -c 3000000 /dev/urandom > t/d/big; ln -s d/big t/link";
    assert_eq!(said(&client, &sh(made)).await.0, Ok(()));
    for (release, copy) in [(false, "a"), (true, "b")] {
        let download = if release {
            client.get_release_tar("t").await
        } else {
            client.get_tar("t").await
        };
        let mut archive = Vec::new();
        let length = within("a download", download.unwrap().copy_to(&mut archive)).await;
        assert_eq!(length.unwrap(), archive.len() as u64);
        let put = client.put_tar(std::io::Cursor::new(archive), copy, |_| {});
        within("an upload", put).await.unwrap();
        let (same, output) = said(
            &client,
            &sh(&format!("diff -r t {copy} && readlink {copy}/link")),
        )
        .await;
        assert_eq!((same, output.as_str()), (Ok(()), "d/big\n"));
    }
    client.remove_all(&["a", "b", "none"]).await.unwrap();
    assert!(!b.work_dir().join("a").exists() && b.work_dir().join("t").exists());
    let bad = client.put_tar(&b"hello"[..], "c", |_| {}).await;
    let error = bad.unwrap_err().to_string();
    assert_eq!(
        error,
        "buildlet: HTTP status 400: requires gzip-compressed body: unexpected EOF"
    );
    b.end().await;
}

#[tokio::test]
async fn a_command_out_of_time_is_killed_with_all_it_started() {
    let b = Buildlet::start().await;
    let client = client_of(&b);
    let mut command = sh("sleep 1000 & echo started; wait");
    command.timeout = Duration::from_millis(300);
    let ended = within("a time-out", client.exec(&command, &mut Vec::new())).await;
    assert!(matches!(ended, Err(TransportError::TimedOut)), "{ended:?}");
    assert!(client.is_broken());
    b.nothing_runs().await;
    b.end().await;
}

#[tokio::test]
async fn a_password_opens_and_a_wrong_one_does_not() {
    let b = Buildlet::direct(&[], &[("META_password", "foo")]).await;
    let refused = client_of(&b).with_password("bar").status().await;
    let text = refused.unwrap_err().to_string();
    assert_eq!(text, "buildlet: HTTP status 403: invalid password");
    assert!(client_of(&b).with_password("foo").status().await.is_ok());
    b.end().await;
}

#[tokio::test]
async fn a_buildlet_that_is_killed_breaks_its_command_and_cannot_be_closed_twice() {
    let mut b = Buildlet::start().await;
    let client = client_of(&b);
    let mut running = client.start(&sh("echo started; sleep 1000")).await.unwrap();
    assert_eq!(
        within("output", running.next()).await.unwrap().unwrap(),
        "started\n"
    );
    b.signal(nix::sys::signal::Signal::SIGKILL);
    let ended = within("the end", running.next()).await;
    assert!(matches!(ended, Err(TransportError::Http(_))), "{ended:?}");
    assert!(client.is_broken());
    assert_eq!(b.ended().await.code(), None);
    client.close().await;
    client.close().await;
    assert!(matches!(
        client.status().await,
        Err(TransportError::Dead(_))
    ));
    b.nothing_runs().await;
}

#[tokio::test]
async fn closing_ends_the_buildlet() {
    let mut b = Buildlet::start().await;
    let client = client_of(&b);
    client.close().await;
    let mut status = None;
    until("the buildlet's end", || {
        status = listener_of(b.pid());
        status.is_none()
    })
    .await;
    assert_eq!(b.ended().await.code(), Some(0));
}
