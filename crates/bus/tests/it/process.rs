//! The emulator as a process of its own, to be killed: this test binary, run again with one test chosen.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use farm_pubsub_emulator::{Emulator, Options};
use tokio::net::TcpListener;

const ADDRESS: &str = "FARM_BUS_TEST_ADDRESS";
const DATA: &str = "FARM_BUS_TEST_DATA";

#[expect(
    clippy::disallowed_methods,
    reason = "told by the test that started this process"
)]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
#[ignore = "started by other tests, as a process of its own"]
fn emulator_process() {
    let (Some(address), Some(data)) = (told(ADDRESS), told(DATA)) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let emulator = Emulator::open(Options::durable(data)).await.unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        emulator
            .serve(listener, std::future::pending())
            .await
            .unwrap();
    });
}

/// A running emulator; killed when dropped.
pub struct Process(Child);

impl Process {
    pub fn start(address: SocketAddr, data: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::emulator_process", "--ignored"])
            .env(ADDRESS, address.to_string())
            .env(DATA, data)
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail if it is dead already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// An address that was free a moment ago.
pub async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}
