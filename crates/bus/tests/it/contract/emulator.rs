//! The farm's own emulator of Pub/Sub, in this process, or in one that is killed.

use tokio::time::timeout;

use super::{World, cases, common_suite, open, strict_suite};
use crate::harness::{PATIENCE, Server};
use crate::process::{Process, free_address};

async fn world() -> Option<World> {
    let server = Server::start().await;
    let url = format!("pubsub://test?endpoint={}", server.endpoint);
    Some(World::new(url, server))
}

common_suite! {}

strict_suite! {}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receiver_and_publisher_go_on_after_kill_9() {
    let (address, data) = (free_address().await, tempfile::tempdir().unwrap());
    let mut server = Some(Process::start(address, data.path()));
    let bus = open(&format!("pubsub://test?endpoint=http://{address}"));
    let restart = async || {
        server.take().unwrap().kill();
        server = Some(Process::start(address, data.path()));
    };
    let case = cases::receiver_and_publisher_go_on_after_a_restart(&bus, restart);
    timeout(PATIENCE * 2, case).await.unwrap();
}
