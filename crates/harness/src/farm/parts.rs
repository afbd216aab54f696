//! How each part is started.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::process::Command;

use super::{Farm, MASTER_KEY, Part, SECRET};
use crate::{Process, farm_command};

impl Farm {
    /// Starts a part, the first time or again.
    pub fn run(&mut self, part: Part) {
        let [pubsub, http, hub, status, inside] = self.ports;
        let at = |port: u16| format!("127.0.0.1:{port}");
        let mut command = match part {
            Part::Emulator => farm_command(
                &self.program,
                &[
                    "emulator",
                    "pubsub",
                    "--host-port",
                    &at(pubsub),
                    "--data-dir",
                    &self.text("pubsub"),
                ],
            ),
            Part::Functions => {
                let args = ["functions", "--inside", &at(inside)];
                let mut command = farm_command(&self.program, &args);
                command.env("PORT", http.to_string());
                command.env("GITHUB_WEBHOOK_SECRET", SECRET);
                command.env("GERRIT_WEBHOOK_SECRET", "other");
                command.env("FARM_TOKEN_KEY", "third");
                command.env("FARM_MACHINE_KEY", MASTER_KEY);
                command
            }
            Part::Coordinator => {
                let mut command = self.coordinator("coordinator");
                command.args(["--listen", &at(status)]);
                command
            }
            Part::Standby => self.coordinator("standby"),
            Part::Hub => farm_command(
                &self.program,
                &[
                    "hub",
                    "--hub-id",
                    "h1",
                    "--listen",
                    &at(hub),
                    "--data",
                    &self.text("hub"),
                    "--machine-key-file",
                    &self.text("machine-key"),
                    "--heartbeat",
                    "0.3",
                    "--drain",
                    "1",
                ],
            ),
            Part::Buildlet => self.buildlet("m1", "work"),
        };
        command
            .env(
                "FARM_BUS",
                format!("pubsub://farm?endpoint=http://127.0.0.1:{pubsub}"),
            )
            .env("FARM_BUCKET", format!("file://{}", self.text("bucket")))
            .env("FARM_LOG", "info")
            .envs(self.environment.iter().cloned());
        let log = self.path(&format!("{part:?}.log"));
        let process = Process::start(command, &log);
        assert!(self.running.insert(part, process).is_none());
    }

    /// A coordinator with this data folder; all of them share one state.
    fn coordinator(&self, data: &str) -> Command {
        farm_command(
            &self.program,
            &[
                "coordinator",
                "--data",
                &self.text(data),
                "--state",
                &format!("sqlite:{}", self.text("coordinator/state.db")),
                "--repo",
                &format!("demo={}", self.repository.path.display()),
                "--grace",
                "3",
            ],
        )
    }

    pub(super) fn buildlet(&self, name: &str, work: &str) -> Command {
        let hub = self.hub_address();
        farm_command(
            &self.program,
            &[
                "buildlet",
                "--coordinator",
                &hub,
                "--server-name",
                "localhost",
                "--ca",
                &self.text("hub/hub-cert.pem"),
                "--reverse-type",
                "bench",
                "--hostname",
                name,
                "--key-file",
                &self.text(&format!("{name}.key")),
                "--workdir",
                &self.text(work),
            ],
        )
    }

    pub(super) async fn mint_key(&self, machine: &str) {
        let output = farm_command(
            &self.program,
            &[
                "mint-key",
                "--machine-key-file",
                &self.text("machine-key"),
                "--host-type",
                "bench",
                "--machine",
                machine,
            ],
        )
        .output()
        .await
        .unwrap();
        assert!(output.status.success());
        std::fs::write(self.path(&format!("{machine}.key")), output.stdout).unwrap();
    }
}

/// Five ports that are free now. A part that is killed comes back on the same one, so they lie below those that the system
/// gives to whoever asks for any: it could give one away between a look and its use, or while its part is dead.
pub(super) fn free_ports() -> [u16; 5] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    [0; 5].map(|_| {
        loop {
            // Test binaries that run at once start at different places.
            let number = NEXT
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_add(std::process::id().wrapping_mul(97));
            let port = 20_000 + u16::try_from(number % 12_000).unwrap();
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
    })
}
