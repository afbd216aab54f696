//! What is there after the process was killed, and after a start on a folder that is not as it should be.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use farm_gcs_emulator::{Emulator, Options};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::server::{Server, all, client, header};
use crate::uploads::{begin, complete, part};

const PATIENCE: Duration = Duration::from_secs(60);

/// The process on that folder, and its URL.
async fn start(folder: &Path) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gcs-emulator"))
        .args(["--port", "0", "--data-dir"])
        .arg(folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap();
    let line = line.unwrap().expect("the process prints its address");
    let url = line.strip_prefix("STORAGE_EMULATOR_HOST=").unwrap();
    (child, url.to_owned())
}

/// Writes object after object over each other, until nobody answers; the last text of each that was answered, and the one
/// that was under way.
async fn write(url: String, writer: usize) -> BTreeMap<String, (u64, u64)> {
    let client = client();
    let mut known = BTreeMap::new();
    for round in 1u64.. {
        let name = format!("bucket/{writer}/{}", round % 5);
        let entry: &mut (u64, u64) = known.entry(name.clone()).or_default();
        entry.1 = round;
        let put = client.put(format!("{url}/{name}")).body(round.to_string());
        match put.send().await {
            Ok(response) if response.status() == 200 => entry.0 = round,
            Ok(response) => panic!("{response:?}"),
            Err(_) => break,
        }
    }
    known
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_write_outlives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let (mut child, url) = start(folder.path()).await;
        let mut writers = JoinSet::new();
        for writer in 0..4 {
            writers.spawn(write(url.clone(), writer));
        }
        // In the middle: once a fifth writer's hundredth object is there.
        let other = client();
        for number in 0..100 {
            let put = other.put(format!("{url}/bucket/other/{number}")).body("x");
            assert_eq!(put.send().await.unwrap().status(), 200);
        }
        child.start_kill().unwrap();
        child.wait().await.unwrap();
        let known = timeout(PATIENCE, writers.join_all()).await.unwrap();
        let server = Server::start(Options::durable(folder.path())).await;
        for (name, (answered, under_way)) in known.into_iter().flatten() {
            let response = server.get(&format!("/{name}"), &[]).await;
            let now = match response.status().as_u16() {
                200 => response.text().await.unwrap().parse().unwrap(),
                404 => 0,
                other => panic!("{other}"),
            };
            assert!(
                [answered, under_way].contains(&now),
                "{name}: {now}, not {answered}"
            );
        }
        let others = server.text("/bucket?list-type=2&prefix=other/").await;
        assert_eq!(all(&others, "Key").len(), 100);
        server.stop().await;
    }
}

#[tokio::test]
async fn everything_is_as_it_was_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options {
        smallest_part: 1,
        ..Options::durable(folder.path())
    };
    let server = Server::start(options()).await;
    server.put("/made", "", &[]).await;
    let put = server
        .put("/bucket/x", "one", &[("x-goog-meta-a", "b")])
        .await;
    let generation = header(&put, "x-goog-generation").to_owned();
    server.put("/bucket/gone", "1", &[]).await;
    server.delete("/bucket/gone", &[]).await;
    let id = begin(&server, "/bucket/whole").await;
    let first = part(&server, "/bucket/whole", &id, 1, "abc").await;
    server.stop().await;

    let server = Server::start(options()).await;
    assert!(server.text("/").await.contains("<Name>made</Name>"));
    let got = server.get("/bucket/x", &[]).await;
    assert_eq!(header(&got, "x-goog-generation"), generation);
    assert_eq!(header(&got, "x-goog-meta-a"), "b");
    assert_eq!(server.get("/bucket/gone", &[]).await.status(), 404);
    let second = part(&server, "/bucket/whole", &id, 2, "def").await;
    let parts = [(1, first.as_str()), (2, second.as_str())];
    assert_eq!(
        complete(&server, "/bucket/whole", &id, &parts)
            .await
            .status(),
        200
    );
    server.stop().await;

    let server = Server::start(options()).await;
    assert_eq!(server.text("/bucket/whole").await, "abcdef");
    assert!(all(&server.text("/bucket?uploads").await, "UploadId").is_empty());
    let uploads = std::fs::read_dir(folder.path().join("uploads")).unwrap();
    assert_eq!(uploads.count(), 0);
    let staging = std::fs::read_dir(folder.path().join("staging")).unwrap();
    assert_eq!(staging.count(), 0);
}

#[tokio::test]
async fn an_older_generation_that_a_kill_left_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    server.put("/bucket/x", "old", &[]).await;
    server.stop().await;
    let objects = folder.path().join("objects");
    let shards = std::fs::read_dir(&objects).unwrap();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    let old = files.map(|file| file.unwrap().path()).next().unwrap();
    let kept = std::fs::read(&old).unwrap();

    let server = Server::start(Options::durable(folder.path())).await;
    server.put("/bucket/x", "new", &[]).await;
    server.stop().await;
    assert!(!old.exists(), "what was written over goes");
    std::fs::write(&old, kept).unwrap();
    let server = Server::start(Options::durable(folder.path())).await;
    assert_eq!(server.text("/bucket/x").await, "new");
    assert!(!old.exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || Emulator::open(Options::durable(folder.path())).await;
    let first = open().await.unwrap();
    let error = open().await.unwrap_err().to_string();
    assert!(error.contains("in use by another emulator"), "{error}");
    drop(first);
    std::fs::write(folder.path().join("objects/00/1"), "nonsense").unwrap();
    let error = open().await.unwrap_err().to_string();
    assert!(error.contains("objects/00/1 is too short"), "{error}");
    assert!(error.contains("move it away"), "{error}");
}
