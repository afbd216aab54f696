//! Shells through the buildlet (`buildlet.md` 4.9, 9.6).

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpListener;

use crate::harness::{Buildlet, within};
use crate::hub::Hub;
use crate::peer::{Peer, bare};

const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: ssh\r\nConnection: Upgrade\r\n";

/// Stands where an SSH server would, beside homes to log in to.
struct Server {
    listener: TcpListener,
    address: String,
    homes: TempDir,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            address: listener.local_addr().unwrap().to_string(),
            listener,
            homes: tempfile::tempdir().unwrap(),
        }
    }

    fn args(&self) -> [&str; 4] {
        let homes = self.homes.path().to_str().unwrap();
        ["--ssh-server", &self.address, "--ssh-homes", homes]
    }

    async fn accept(&self) -> Peer {
        let accepted = within("a dial", self.listener.accept()).await;
        Peer::new(accepted.unwrap().0)
    }

    fn keys(&self) -> PathBuf {
        self.homes.path().join("gopher/.ssh/authorized_keys")
    }
}

fn request(fields: &str) -> String {
    format!("POST /connect-ssh HTTP/1.1\r\nHost: \r\n{fields}\r\n")
}

fn with_key(line: &str) -> String {
    request(&format!(
        "Content-Length: 0\r\nX-Go-Ssh-User: gopher\r\nX-Go-Authorized-Key: {line}\r\n"
    ))
}

#[tokio::test]
async fn bytes_go_both_ways_until_either_side_ends() {
    let server = Server::start().await;
    let b = Buildlet::direct(&server.args(), &[]).await;
    for (number, client_ends) in [(1, true), (2, false)] {
        let mut client = b.dial().await;
        client.send(with_key("ssh-ed25519 AAAA me@here")).await;
        assert_eq!(client.block().await, SWITCHED);
        let mut shell = server.accept().await;
        let long = vec![b'x'; 300_000];
        client.send([&long[..], b"\n"].concat()).await;
        assert_eq!(shell.line().await.len(), long.len());
        shell.send([&long[..], b"\n"].concat()).await;
        assert_eq!(client.line().await.len(), long.len());
        if client_ends {
            client.stream.shutdown().await.unwrap();
        } else {
            shell.send("bye\n").await;
            shell.stream.shutdown().await.unwrap();
            assert_eq!(client.line().await, "bye");
        }
        assert_eq!(client.until_closed().await, b"", "{number}");
        assert_eq!(shell.until_closed().await, b"", "{number}");
    }
    // One key, though it came twice.
    let file = server.keys();
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "ssh-ed25519 AAAA me@here\n"
    );
    let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    b.end().await;
}

/// Go's client drops what comes with the 101.
#[tokio::test]
async fn the_servers_greeting_waits_for_the_client_or_a_moment() {
    let server = Server::start().await;
    let b = Buildlet::direct(&server.args(), &[]).await;
    let began = Instant::now();
    let mut silent = b.dial().await;
    silent.send(request("Content-Length: 0\r\n")).await;
    let mut shell = server.accept().await;
    shell.send("SSH-2.0-server\r\n").await;
    assert_eq!(silent.block().await, SWITCHED);
    assert_eq!(silent.line().await, "SSH-2.0-server");
    assert!(began.elapsed().as_millis() >= 100);
    drop((silent, shell));
    b.end().await;
}

#[tokio::test]
async fn what_the_client_sent_behind_its_request_is_kept() {
    let server = Server::start().await;
    let b = Buildlet::direct(&server.args(), &[]).await;
    let mut client = b.dial().await;
    client.send(request("") + "SSH-2.0-client\r\nmore").await;
    let mut shell = server.accept().await;
    assert_eq!(shell.line().await, "SSH-2.0-client");
    assert_eq!(shell.exactly(4).await, b"more");
    assert_eq!(client.block().await, SWITCHED);
    // A client that is gone before its greeting leaves nothing behind.
    let mut gone = b.dial().await;
    gone.send(request("")).await;
    let mut shell = server.accept().await;
    drop(gone);
    assert_eq!(shell.until_closed().await, b"");
    drop(client);
    b.end().await;
}

#[tokio::test]
async fn what_is_no_proper_request_leads_to_no_shell() {
    let server = Server::start().await;
    let b = Buildlet::direct(&server.args(), &[]).await;
    assert_eq!(
        b.get("/connect-ssh").await.said(),
        (400, "requires POST method\n")
    );
    for (fields, body) in [
        ("Content-Length: 1\r\n", "x"),
        ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    ] {
        let answer = b.ask(request(fields) + body).await;
        assert_eq!(answer.said(), (400, "requires zero Content-Length\n"));
    }
    let bad = "adding ssh authorized key: bad user name\n";
    for user in ["../gopher", "a/b", "-x"] {
        let fields = format!("X-Go-Ssh-User: {user}\r\nX-Go-Authorized-Key: k\r\n");
        assert_eq!(b.ask(request(&fields)).await.said(), (400, bad), "{user}");
    }
    // A file where the folder should be.
    std::fs::write(server.homes.path().join("gopher"), "").unwrap();
    let answer = b.ask(with_key("k")).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().starts_with("adding ssh authorized key: "),
        "{}",
        answer.text()
    );
    // One of the two fields alone adds nothing, and is no reason to refuse.
    let mut client = b.dial().await;
    client.send(request("X-Go-Authorized-Key: k\r\n")).await;
    assert_eq!(client.block().await, SWITCHED);
    drop(client);
    b.end().await;
}

#[tokio::test]
async fn without_a_server_it_is_502() {
    let server = Server::start().await;
    let b = Buildlet::direct(&server.args(), &[]).await;
    let address = server.address.clone();
    drop(server);
    let mut peer = b.dial().await;
    let answer = peer.ask(request("Content-Length: 0\r\n")).await;
    assert_eq!(answer.status, 502);
    assert!(
        answer
            .text()
            .starts_with(&format!("ssh server at {address}: ")),
        "{}",
        answer.text()
    );
    assert_eq!(peer.ask(bare("GET", "/status")).await.status, 200);
    b.end().await;
}

#[tokio::test]
async fn a_shell_is_reached_through_the_hub_too() {
    let (server, hub) = (Server::start().await, Hub::start().await);
    let b = hub.machine_with(&server.args(), true);
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, "/revdial?shell").await;
    picked.send(with_key("ssh-ed25519 AAAA")).await;
    assert_eq!(picked.block().await, SWITCHED);
    let mut shell = server.accept().await;
    shell.send("SSH-2.0-server\r\n").await;
    assert_eq!(picked.line().await, "SSH-2.0-server");
    picked.send("SSH-2.0-client\r\n").await;
    assert_eq!(shell.line().await, "SSH-2.0-client");
    // It ends with the session.
    drop(control);
    assert_eq!(shell.until_closed().await, b"");
    b.end().await;
}

#[tokio::test]
async fn a_shell_ends_with_the_buildlet() {
    let server = Server::start().await;
    let mut b = Buildlet::direct(&server.args(), &[]).await;
    let mut client = b.dial().await;
    client.send(request("") + "hello\n").await;
    let mut shell = server.accept().await;
    assert_eq!(shell.line().await, "hello");
    b.signal(Signal::SIGTERM);
    b.ended().await;
    assert_eq!(shell.until_closed().await, b"");
    assert_eq!(client.block().await, SWITCHED);
    assert_eq!(client.until_closed().await, b"");
}

/// A real server of the system, killed when dropped.
struct Sshd(Child);

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A connection behind its status, as soon as the server is there.
async fn logged_in(b: &Buildlet, login: &str) -> Peer {
    loop {
        let mut peer = b.dial().await;
        peer.send(login).await;
        match peer.line().await.as_str() {
            "HTTP/1.1 101 Switching Protocols" => return peer,
            refused => assert!(refused.starts_with("HTTP/1.1 502"), "{refused}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `ssh`, through a port of ours and the buildlet, to a real server that knows the key from the request alone.
#[tokio::test]
async fn a_real_client_logs_in_to_a_real_server() {
    let (sshd, ssh) = (Path::new("/usr/sbin/sshd"), Path::new("/usr/bin/ssh"));
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap();
    let (Some(user), true, true) = (user, sshd.exists(), ssh.exists()) else {
        crate::skipped("a_real_client_logs_in_to_a_real_server needs /usr/sbin/sshd and ssh");
        return;
    };
    // The port is free until the server takes it.
    let server = Server::start().await;
    let (address, homes) = (server.address.clone(), server.homes);
    drop(server.listener);
    let at = |name: &str| homes.path().join(name).to_str().unwrap().to_owned();
    for name in ["host", "mine"] {
        let made = Command::new("/usr/bin/ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f", &at(name)])
            .status();
        assert!(made.unwrap().success());
    }
    let config = format!(
        "ListenAddress {address}\nHostKey {}\nAuthorizedKeysFile {}/%u/.ssh/authorized_keys\nPidFile none\n\
         StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n",
        at("host"),
        homes.path().display()
    );
    std::fs::write(at("config"), config).unwrap();
    let checked = Command::new(sshd)
        .args(["-t", "-f", &at("config")])
        .output();
    let said = String::from_utf8(checked.unwrap().stderr).unwrap();
    if said.starts_with("Missing privilege separation directory") {
        // The system makes it when it starts the server that it has installed.
        let text = format!("a_real_client_logs_in_to_a_real_server: {}", said.trim());
        crate::skipped(&text);
        return;
    }
    assert_eq!(said, "");
    let _running = Sshd(
        Command::new(sshd)
            .args(["-D", "-e", "-f", &at("config")])
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let homes = homes.path().to_str().unwrap();
    let b = Buildlet::direct(&["--ssh-server", &address, "--ssh-homes", homes], &[]).await;
    let key = std::fs::read_to_string(at("mine.pub")).unwrap();
    let login = format!(
        "POST /connect-ssh HTTP/1.1\r\nHost: \r\nX-Go-Ssh-User: {}\r\nX-Go-Authorized-Key: {}\r\n\r\n",
        user.name,
        key.trim()
    );
    let mut through = within("a real server", logged_in(&b, &login)).await;
    through.block().await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let number = port.local_addr().unwrap().port().to_string();
    let client = tokio::process::Command::new(ssh)
        .args(["-F", "/dev/null", "-i", &at("mine"), "-p", &number])
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
        ])
        .args(["-o", "BatchMode=yes", &format!("{}@127.0.0.1", user.name)])
        .arg("echo hello from $0 && exit 7")
        .kill_on_drop(true)
        .output();
    let bridge = async {
        let (mut tcp, _) = port.accept().await.unwrap();
        let _ends = copy_bidirectional(&mut tcp, &mut through.stream).await;
    };
    let (output, ()) = within("a login", async { tokio::join!(client, bridge) }).await;
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("hello from"), "{output:?}");
    assert_eq!(output.status.code(), Some(7));
    b.end().await;
}
