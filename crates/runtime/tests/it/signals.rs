use std::process::Stdio;

use farm_runtime::Shutdown;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::{PATIENCE, again_as};

#[test]
#[ignore = "started by another test, as a process of its own"]
fn process_that_never_ends_by_itself() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let shutdown = Shutdown::on_signals();
        println!("ready");
        shutdown.token().cancelled().await;
        println!("draining");
        std::future::pending::<()>().await;
    });
}

#[tokio::test]
async fn the_first_signal_asks_and_the_second_ends_with_130() {
    let mut command = again_as("signals::process_that_never_ends_by_itself");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let id = child.id().unwrap().to_string();
    for (word, signal) in [("ready", "-TERM"), ("draining", "-INT")] {
        let said = async {
            // The test harness talks on the same line and around it.
            while !lines
                .next_line()
                .await
                .unwrap()
                .expect("it ended early")
                .ends_with(word)
            {}
        };
        timeout(PATIENCE, said).await.unwrap();
        let sent = Command::new("kill")
            .args([signal, &id])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
    }
    let ended = timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(130));
}
