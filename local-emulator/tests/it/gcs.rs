//! `farm emulator gcs`: by itself, and as a bucket of the farm.

use std::path::Path;

use nix::sys::signal::Signal;

use crate::binary;
use farm_harness::{Process, client, farm_command, until};

/// A running emulator with its URL, once it says that it serves.
async fn running(folder: &Path, log: &str) -> (Process, String) {
    let args = ["emulator", "gcs", "--port=0", "--data-dir=kept"];
    let mut command = farm_command(binary(), &args);
    command.current_dir(folder);
    let process = Process::start(command, &folder.join(log));
    let url = until("the emulator to serve", async || {
        let output = process.output();
        let mut lines = output.lines();
        let url = lines.find_map(|line| line.strip_prefix("export STORAGE_EMULATOR_HOST="));
        url.map(str::to_owned).ok_or(output.clone())
    });
    let url = url.await;
    (process, url)
}

#[tokio::test]
async fn it_says_where_it_is_keeps_what_it_has_and_ends_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (process, url) = running(folder.path(), "first.log").await;
    let object = |url: &str| format!("{url}/bucket/kept");
    let put = client().put(object(&url)).body("hello").send();
    assert_eq!(put.await.unwrap().status(), 200);
    process.kill().await;

    let (mut process, url) = running(folder.path(), "second.log").await;
    let got = client().get(object(&url)).send().await.unwrap();
    assert_eq!(got.text().await.unwrap(), "hello");
    process.signal(Signal::SIGINT);
    let ended = process.ended().await;
    assert_eq!(ended.code(), Some(0), "{}", process.output());
}
