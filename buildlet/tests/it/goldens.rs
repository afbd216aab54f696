//! The worked exchanges of `buildlet.md` 22, to the byte, `Date` left out.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::harness::{Buildlet, within};
use crate::peer::Peer;

/// The work dir of the exchanges. Ours is as long, so that sizes are the same.
const THEIRS: &str = "/workdir";
const SCRIPT: &str = "#!/bin/sh\necho $FOO $1; exit 3\n";

/// A buildlet as in the exchanges, and a connection to it.
struct Worked {
    b: Buildlet,
    peer: Peer,
    work: TempDir,
}

impl Worked {
    async fn start(args: &[&str]) -> Self {
        let work = tempfile::Builder::new()
            .prefix("")
            .rand_bytes(3)
            .tempdir_in("/tmp")
            .unwrap();
        assert_eq!(work.path().as_os_str().len(), THEIRS.len());
        // In this order.
        let env = ["-i", "PATH=/usr/bin:/bin", "HOME=/root"];
        let b = Buildlet::run_by("/usr/bin/env", &env, work.path(), args).await;
        let peer = b.dial().await;
        Self { b, peer, work }
    }

    /// With the script that was written in the first exchange.
    async fn with_script() -> Self {
        let mut worked = Self::start(&[]).await;
        worked
            .says(
                "PUT /write?path=a.sh&mode=493 HTTP/1.1\r\nHost: b1\r\nContent-Length: 31\r\n\r\n",
                SCRIPT,
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nOK",
            )
            .await;
        worked
    }

    /// A request is answered by exactly these bytes, behind which the connection goes on.
    async fn says(&mut self, head: &str, body: &str, answer: &str) {
        let work = self.work.path().to_str().unwrap();
        let answer = answer.replace(THEIRS, work);
        self.peer.send([head, body].concat()).await;
        let head = self.peer.head().await + "\r\n\r\n";
        let (expected, rest) = answer.split_at(answer.find("\r\n\r\n").unwrap() + 4);
        assert_eq!(head, expected);
        let rest_sent = self.peer.exactly(rest.len()).await;
        assert_eq!(String::from_utf8(rest_sent).unwrap(), rest);
        self.peer
            .send("GET /healthz HTTP/1.1\r\nHost: b1\r\n\r\n")
            .await;
        assert_eq!(self.peer.answer().await.said(), (200, "ok"));
    }

    /// A form to `/exec`.
    async fn runs(&mut self, form: &str, answer: &str) {
        self.says(&posted("/exec", form), form, answer).await;
    }
}

fn posted(target: &str, form: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: b1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n",
        form.len()
    )
}

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nTrailer: Process-State\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn exchange_22_1_write_a_script_and_run_it() {
    let mut worked = Worked::with_script().await;
    let form = "cmd=a.sh&cmdArg=x&debug=false&dir=&env=FOO%3Dbar&mode=&path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH";
    assert_eq!(form.len(), 94);
    let answer = "6\r\nbar x\n\r\n0\r\nProcess-State: exit status 3\r\n\r\n";
    worked.runs(form, &[STREAM, answer].concat()).await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_2_the_same_described() {
    let mut worked = Worked::with_script().await;
    let form = "cmd=a.sh&cmdArg=x&debug=true&dir=&env=FOO%3Dbar&mode=&path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH";
    let line = ":: Running /workdir/a.sh with args [\"/workdir/a.sh\" \"x\"] and env [\"PATH=/workdir/go/bin:/usr/bin:/bin\" \
                \"HOME=/root\" \"WORKDIR=/workdir\" \"GOROOT_BOOTSTRAP=/workdir/go1.4\" \"FOO=bar\" \"TMPDIR=/workdir/tmp\" \
                \"GOCACHE=/workdir/gocache\"] in dir /workdir\n\n";
    assert_eq!(line.len(), 0xf6);
    let answer = format!(
        "{STREAM}f6\r\n{line}\r\n6\r\nbar x\n\r\n0\r\nProcess-State: exit status 3\r\n\r\n"
    );
    worked.runs(form, &answer).await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_3_a_missing_command() {
    let mut worked = Worked::start(&[]).await;
    let state = "fork/exec /workdir/gone.sh: no such file or directory";
    let answer = format!("{STREAM}0\r\nProcess-State: {state}\r\n\r\n");
    worked
        .runs("cmd=gone.sh&debug=false&dir=&mode=", &answer)
        .await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_4_no_command() {
    let mut worked = Worked::start(&[]).await;
    let answer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nTrailer: Process-State\r\n\
                  X-Content-Type-Options: nosniff\r\nTransfer-Encoding: chunked\r\n\r\n\
                  19\r\nrequires 'cmd' parameter\n\r\n0\r\n\r\n";
    worked.runs("mode=sys", answer).await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_5_a_listing_with_digests() {
    let mut worked = Worked::with_script().await;
    // 2026-11-22T20:44:27Z.
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_380_267);
    let script = std::fs::File::options()
        .write(true)
        .open(worked.b.work_dir().join("a.sh"))
        .unwrap();
    script.set_modified(then).unwrap();
    worked
        .says(
            "GET /ls?dir=&digest=true&recursive=false&skip=tmp&skip=gocache HTTP/1.1\r\nHost: b1\r\n\r\n",
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 81\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             -rwxr-xr-x\ta.sh\t31\t2026-11-22T20:44:27Z\t731df63abb56c1a8000f7cadd85b2edf6e0915a6\n",
        )
        .await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_6_a_bad_archive() {
    let mut worked = Worked::start(&[]).await;
    worked
        .says(
            "PUT /writetgz?dir=foo HTTP/1.1\r\nHost: b1\r\nContent-Length: 5\r\n\r\n",
            "hello",
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Length: 46\r\n\r\n\
             requires gzip-compressed body: unexpected EOF\n",
        )
        .await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_7_the_bootstrap_is_there_already() {
    let mut worked = Worked::start(&[]).await;
    // Unpacked to its end: an empty archive.
    let archive = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let archive = archive.finish().unwrap();
    let answer = worked.b.put("/writetgz?dir=go1.4", &archive).await;
    assert_eq!(answer.said(), (200, "OK"));
    let form = "url=http%3A%2F%2Fexample%2Fboot.tar.gz";
    worked
        .says(
            &posted("/writetgz?dir=go1.4", form),
            form,
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSKIP",
        )
        .await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_8_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "foo").unwrap();
    let mut worked = Worked::start(&["--password-file", password.to_str().unwrap()]).await;
    worked
        .says(
            "GET /status HTTP/1.1\r\nHost: x\r\n\r\n",
            "",
            "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Length: 17\r\n\r\ninvalid password\n",
        )
        .await;
    worked
        .says(
            "GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: Basic OmZvbw==\r\n\r\n",
            "",
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 14\r\n\r\n\
             {\"Version\":23}",
        )
        .await;
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_9_ssh() {
    let sshd = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, homes) = (
        sshd.local_addr().unwrap().to_string(),
        tempfile::tempdir().unwrap(),
    );
    let homes = homes.path().to_str().unwrap();
    let mut worked = Worked::start(&["--ssh-server", &address, "--ssh-homes", homes]).await;
    worked
        .peer
        .send(
            "POST /connect-ssh HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 0\r\n\
             X-Go-Authorized-Key: ssh-ed25519 AAAA\r\nX-Go-Ssh-User: gopher\r\n\r\n",
        )
        .await;
    assert_eq!(
        worked.peer.block().await,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: ssh\r\nConnection: Upgrade\r\n"
    );
    let keys = Path::new(homes).join("gopher/.ssh/authorized_keys");
    assert_eq!(std::fs::read_to_string(keys).unwrap(), "ssh-ed25519 AAAA\n");
    let (server, _) = within("a dial", sshd.accept()).await.unwrap();
    let mut server = Peer::new(server);
    server.send("SSH-2.0-server\r\n").await;
    worked.peer.send("SSH-2.0-client\r\n").await;
    assert_eq!(server.line().await, "SSH-2.0-client");
    assert_eq!(worked.peer.line().await, "SSH-2.0-server");
    drop(server);
    assert_eq!(worked.peer.until_closed().await, b"");
    worked.b.end().await;
}

#[tokio::test]
async fn exchange_22_10_halt() {
    let mut worked = Worked::start(&[]).await;
    worked
        .says(
            "POST /halt HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
    assert_eq!(worked.b.ended().await.code(), Some(0));
}
