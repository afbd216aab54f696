//! stage0 (`buildlet.md` 10.1 and 10.2): a real buildlet from a real server.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::harness::{PATH, listener_of, lives, until, within};
use crate::origin::{Origin, ok, ok_without_body, status};
use crate::peer::{Peer, bare};

/// Killed when dropped.
struct Stage0 {
    child: Child,
    folder: TempDir,
}

impl Stage0 {
    fn spawn(args: &[&str], env: &[(&str, &str)], options: &[&str]) -> Self {
        Self::spawn_in(tempfile::tempdir().unwrap(), args, env, options)
    }

    fn spawn_in(folder: TempDir, args: &[&str], env: &[(&str, &str)], options: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_buildlet"))
            .arg("stage0")
            .arg("--file")
            .arg(folder.path().join("b"))
            .args(args)
            .arg("--")
            .args(options)
            .current_dir(folder.path())
            .env_clear()
            // A pod has no cloud metadata to ask for.
            .envs([("PATH", PATH), ("IN_KUBERNETES", "1")])
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap()
    }

    async fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        until("stage0's end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }

    /// The process that it runs.
    fn child(&self) -> Option<u32> {
        let tasks = format!("/proc/{0}/task/{0}/children", self.child.id());
        let text = std::fs::read_to_string(tasks).unwrap_or_default();
        text.split_whitespace().next()?.parse().ok()
    }

    fn tell(&self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).unwrap();
    }
}

impl Drop for Stage0 {
    #[expect(
        clippy::print_stderr,
        reason = "shown with the panic that it helps to understand"
    )]
    fn drop(&mut self) {
        if let Some(child) = self.child() {
            let _ = kill(Pid::from_raw(child as i32), Signal::SIGKILL);
        }
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("log of stage0:\n{}", self.log());
        }
    }
}

fn sum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What a server has now: a program and its digest.
type Content = Arc<Mutex<(Vec<u8>, Option<String>)>>;

/// Serves the content at `/b`, its digest at `/b.sha256`.
async fn serving(content: &Content) -> Origin {
    let content = content.clone();
    Origin::start(move |line, _| {
        let (program, digest) = content.lock().unwrap().clone();
        match (line, digest) {
            (line, _) if line.starts_with("HEAD /b ") => ok_without_body(&program),
            (line, _) if line.starts_with("GET /b ") => ok(&program),
            (line, Some(digest)) if line.starts_with("GET /b.sha256 ") => {
                ok(format!("{digest}  b\n").as_bytes())
            }
            _ => status("404 Not Found"),
        }
    })
    .await
}

fn content(program: &[u8]) -> Content {
    Arc::new(Mutex::new((program.to_vec(), Some(sum(program)))))
}

fn script(text: &str) -> Vec<u8> {
    format!("#!/bin/sh\n{text}\n").into_bytes()
}

#[tokio::test]
async fn a_buildlet_is_fetched_verified_and_run_to_its_end() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_buildlet")).unwrap();
    let origin = serving(&content(&program)).await;
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    let options = ["-listen=127.0.0.1:0", "-workdir", work.to_str().unwrap()];
    let mut stage0 = Stage0::spawn(&["--url", &origin.url("/b")], &[], &options);
    let mut address = None;
    until("the buildlet", || {
        address = stage0.child().and_then(listener_of);
        address.is_some()
    })
    .await;
    let mut peer = Peer::new(
        within("dialing", TcpStream::connect(address.unwrap()))
            .await
            .unwrap(),
    );
    assert_eq!(
        peer.ask(bare("GET", "/status")).await.said(),
        (200, "{\"Version\":23}")
    );
    let command = std::fs::read_link(format!("/proc/{}/exe", stage0.child().unwrap())).unwrap();
    assert_eq!(command, stage0.path("b").canonicalize().unwrap());
    assert_eq!(peer.ask(bare("POST", "/halt")).await.status, 200);
    assert_eq!(stage0.ended().await.code(), Some(0), "{}", stage0.log());
    // At the next start it is there already.
    let fetched = || {
        let requests = origin.requests();
        requests
            .iter()
            .filter(|head| head.starts_with("GET /b "))
            .count()
    };
    assert_eq!(fetched(), 1);
    let folder = std::mem::replace(&mut stage0.folder, tempfile::tempdir().unwrap());
    std::fs::write(stage0.path("log"), "").unwrap();
    let mut second = Stage0::spawn_in(folder, &["--url", &origin.url("/b")], &[], &["--version"]);
    assert_eq!(second.ended().await.code(), Some(0));
    assert_eq!(fetched(), 1);
}

#[tokio::test]
async fn another_program_than_the_digest_says_is_refused() {
    let content = content(&script("touch ran"));
    content.lock().unwrap().0 = script("touch ran; evil");
    let origin = serving(&content).await;
    let url = origin.url("/b");
    let mut stage0 = Stage0::spawn(&["--url", &url], &[], &[]);
    assert_eq!(stage0.ended().await.code(), Some(1));
    assert!(stage0.log().contains("its SHA-256 is"), "{}", stage0.log());
    for name in ["b", "b.tmp", "ran"] {
        assert!(!stage0.path(name).exists(), "{name}");
    }
    // A digest on the command line counts before that of the server, and before leniency.
    content.lock().unwrap().1 = Some(sum(&script("touch ran; evil")));
    let pinned = sum(b"something else");
    let args = ["--url", &url, "--sha256", &pinned, "--allow-unverified"];
    let mut stage0 = Stage0::spawn(&args, &[], &[]);
    assert_eq!(stage0.ended().await.code(), Some(1));
    assert!(!stage0.path("ran").exists());
}

#[tokio::test]
async fn without_a_digest_nothing_runs_unless_that_is_allowed() {
    let content = content(&script("touch ran"));
    content.lock().unwrap().1 = None;
    let origin = serving(&content).await;
    let url = origin.url("/b");
    let mut stage0 = Stage0::spawn(&["--url", &url], &[], &[]);
    assert_eq!(stage0.ended().await.code(), Some(1));
    assert!(
        stage0.log().contains("give --sha256, put its digest at"),
        "{}",
        stage0.log()
    );
    assert!(!stage0.path("ran").exists());
    let mut stage0 = Stage0::spawn(&["--url", &url, "--allow-unverified"], &[], &[]);
    assert_eq!(stage0.ended().await.code(), Some(0), "{}", stage0.log());
    assert!(stage0.path("ran").exists());
}

#[tokio::test]
async fn an_update_is_picked_up_and_trouble_on_the_way_does_not_stop_the_old_one() {
    let once = |name: &str| {
        script(&format!(
            "echo {name} \"$@\" >> ran; until test -e go; do sleep 0.01; done; rm go"
        ))
    };
    let content = content(&once("one"));
    let origin = serving(&content).await;
    let mut stage0 = Stage0::spawn(&["--loop", "--url", &origin.url("/b")], &[], &["x y"]);
    let ran = |stage0: &Stage0| std::fs::read_to_string(stage0.path("ran")).unwrap_or_default();
    let go = |stage0: &Stage0| std::fs::write(stage0.path("go"), "").unwrap();
    until("the first", || ran(&stage0) == "one x y\n").await;
    let new = once("two");
    *content.lock().unwrap() = (new.clone(), Some(sum(&new)));
    go(&stage0);
    until("the second", || ran(&stage0) == "one x y\ntwo x y\n").await;
    assert!(stage0.log().contains("ended at once"), "{}", stage0.log());
    // A program that is not what its digest says: the one that was trusted runs again.
    content.lock().unwrap().0 = once("evil");
    content.lock().unwrap().1 = Some(sum(&once("three")));
    go(&stage0);
    until("the second again", || {
        ran(&stage0) == "one x y\ntwo x y\ntwo x y\n"
    })
    .await;
    assert!(stage0.log().contains("the one from before runs again"));
    // Told to end, it ends what it runs.
    let child = stage0.child().unwrap();
    stage0.tell();
    let ended = stage0.ended().await;
    assert_eq!(
        (ended.code(), ended.signal()),
        (Some(0), None),
        "{}",
        stage0.log()
    );
    until("its child's end", || !lives(child)).await;
}

#[tokio::test]
async fn a_failure_is_its_own_failure_and_it_tells_how_long_it_took() {
    let origin = serving(&content(&script("env > env; exit 3"))).await;
    let url = origin.url("/b");
    // The variable counts before the flag.
    let env = [
        ("META_BUILDLET_BINARY_URL", &*url),
        ("GO_BUILD_KEY_PATH", "/etc/farm.key"),
        ("META_password", "of the buildlet"),
    ];
    let mut stage0 = Stage0::spawn(&["--url", "http://farm.invalid/"], &env, &[]);
    assert_eq!(stage0.ended().await.code(), Some(1));
    assert!(
        stage0.log().contains("the buildlet ended: exit status: 3"),
        "{}",
        stage0.log()
    );
    let env = std::fs::read_to_string(stage0.path("env")).unwrap();
    for name in ["GO_STAGE0_NET_DELAY=", "GO_STAGE0_DL_DELAY="] {
        let line = env.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.ends_with('s'), "{line}");
    }
    if nix::unistd::getuid().is_root() {
        assert!(
            env.contains("HOME=/root\n") && env.contains("USER=root\n"),
            "{env}"
        );
    }
}

#[tokio::test]
async fn a_cloud_machine_is_told_where_the_buildlet_is() {
    let program = serving(&content(&script("touch ran"))).await;
    let url = program.url("/b");
    let metadata = Origin::start(move |line, _| match line {
        line if line.contains("/instance/attributes/buildlet-binary-url ") => ok(url.as_bytes()),
        _ => status("404 Not Found"),
    })
    .await;
    let env = [
        ("IN_KUBERNETES", "0"),
        ("GCE_METADATA_HOST", metadata.address()),
    ];
    // What the machine is told counts before what its image was made with.
    let mut stage0 = Stage0::spawn(&["--url", "http://farm.invalid/"], &env, &[]);
    assert_eq!(stage0.ended().await.code(), Some(0), "{}", stage0.log());
    assert!(stage0.path("ran").exists());
    assert_eq!(metadata.requests().len(), 1);
}

#[tokio::test]
async fn without_a_network_or_an_address_it_fails_after_a_while() {
    let mut stage0 = Stage0::spawn(
        &[
            "--network-wait",
            "0s",
            "--url",
            "http://farm.invalid/b?hidden",
        ],
        &[],
        &[],
    );
    assert_eq!(stage0.ended().await.code(), Some(1));
    let log = stage0.log();
    assert!(
        log.contains("no network for 0 s: http://farm.invalid/b?…"),
        "{log}"
    );
    assert!(!log.contains("hidden"));
    let mut stage0 = Stage0::spawn(&[], &[], &[]);
    assert_eq!(stage0.ended().await.code(), Some(1));
    assert!(
        stage0.log().contains("nothing says where the buildlet is"),
        "{}",
        stage0.log()
    );
}

#[tokio::test]
async fn an_archive_is_unpacked_for_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let gzip = flate2::write::GzEncoder::new(
        File::create(at("a.tar.gz")).unwrap(),
        flate2::Compression::fast(),
    );
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(2);
    header.set_mode(0o755);
    tar.append_data(&mut header, "bin/go", &b"go"[..]).unwrap();
    drop(tar.into_inner().unwrap().finish().unwrap());
    let run = |file: &Path| {
        Command::new(env!("CARGO_BIN_EXE_buildlet"))
            .args(["stage0", "-untar-file"])
            .arg(file)
            .arg("-untar-dest-dir")
            .arg(at("to/here"))
            .output()
            .unwrap()
    };
    assert!(run(&at("a.tar.gz")).status.success());
    assert_eq!(std::fs::read_to_string(at("to/here/bin/go")).unwrap(), "go");
    std::fs::write(at("bad"), "hello").unwrap();
    let failed = run(&at("bad"));
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        String::from_utf8(failed.stderr)
            .unwrap()
            .contains("cannot unpack")
    );
}
