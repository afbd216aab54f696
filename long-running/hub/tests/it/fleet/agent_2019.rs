//! An agent as they were in 2019, by its bytes: revdial v2, empty `Host`, every pick-up through the address that it
//! registered at. Commands run in a real buildlet behind it.

use farm_wire::keys::{MasterKey, key_2019};
use farm_wire::stream::{BoxStream, Connect};
use farm_wire::tls::{TlsConnect, Trust};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{Bench, MASTER, free_port};
use crate::machine::Connection;

pub struct Agent2019 {
    _buildlet: Connection,
    _session: JoinSet<()>,
}

impl Agent2019 {
    /// Registers `name` at `address`, and again when that session ends, as whatever started it would.
    pub fn start(address: &str, bench: &Bench, name: &str) -> Self {
        let port = free_port();
        let work_dir = bench.folder.path().join(format!("work-{name}"));
        let buildlet = Connection::direct(port, None, &work_dir);
        let agent = Agent {
            connect: TlsConnect::new(address, Some("localhost"), &Trust::Pem(bench.certificate()))
                .unwrap(),
            name: name.to_owned(),
            port,
        };
        let mut session = JoinSet::new();
        session.spawn(async move {
            loop {
                agent.clone().serve().await;
            }
        });
        Self {
            _buildlet: buildlet,
            _session: session,
        }
    }
}

#[derive(Clone)]
struct Agent {
    connect: TlsConnect,
    name: String,
    port: u16,
}

impl Agent {
    /// One life of the agent: it ends with its control connection.
    async fn serve(self) {
        let key = key_2019(&MasterKey::new(MASTER).unwrap(), "host-test");
        let request = format!(
            "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\
             X-Go-Builder-Hostname: {}\r\nX-Go-Builder-Key: {key}\r\nX-Go-Builder-Version: 23\r\n\
             X-Go-Host-Type: host-test\r\nX-Revdial-Version: 2\r\n\r\n",
            self.name
        );
        let Some(control) = self.dial(&request).await else {
            // Whatever starts it waits a little.
            return tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        let mut lines = BufReader::new(control).lines();
        let mut pick_ups = JoinSet::new();
        while let Ok(Some(line)) = lines.next_line().await {
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if line["command"] == "conn-ready" {
                let path = line["connPath"].as_str().unwrap().to_owned();
                pick_ups.spawn(self.clone().pick_up(path));
            }
        }
        // All that it had picked up ends with it.
    }

    async fn pick_up(self, path: String) {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\r\n");
        let Some(mut picked_up) = self.dial(&request).await else {
            return;
        };
        // In 2019 the server is the agent itself.
        let mut server = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut picked_up, &mut server).await);
    }

    /// A connection that was answered with 101.
    async fn dial(&self, request: &str) -> Option<BoxStream> {
        let mut stream = self.connect.connect().await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        head.starts_with(b"HTTP/1.1 101 ").then_some(stream)
    }
}
