//! Machines in bytes: whoever dials the hub, and small ones that only say that they live.

use std::sync::Arc;
use std::time::Duration;

use farm_wire::head::{read_answer, read_request};
use farm_wire::revdial::listener::{
    Backoff, Listening, RegisterError, Registered, listen, register as register_with,
};
use farm_wire::reverse::{Claim, Mode, Request, RevdialVersion};
use farm_wire::stream::{BoxStream, Connect};
use farm_wire::tls::{TlsConnect, Trust};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::harness::{Bench, PATIENCE};

/// What a buildlet says of itself.
pub const STATUS: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 14\r\n\r\n{\"Version\":23}";

impl Bench {
    /// What dials the hub.
    pub fn way(&self) -> Arc<dyn Connect> {
        let trust = Trust::Pem(self.certificate());
        Arc::new(TlsConnect::new(&self.address, Some("localhost"), &trust).unwrap())
    }

    pub async fn tls(&self) -> BoxStream {
        self.way().connect().await.unwrap()
    }

    /// Status and text of the answer to a request.
    pub async fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = self.tls().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        answer(stream).await
    }

    /// What a small machine registers with.
    pub fn request(&self, name: &str, revdial: RevdialVersion) -> Request {
        Request {
            host: "localhost".to_owned(),
            hostname: name.to_owned(),
            claim: Claim::HostType(Mode {
                name: "host-test".to_owned(),
                key: self.key(name),
            }),
            version: 23,
            revdial,
        }
    }
}

pub async fn answer(stream: impl tokio::io::AsyncRead + Unpin) -> (u16, String) {
    let (head, mut stream) = read_answer(stream, PATIENCE).await.unwrap();
    let mut text = String::new();
    if head.status != 101 {
        timeout(PATIENCE, stream.read_to_string(&mut text))
            .await
            .unwrap()
            .unwrap();
    }
    (head.status, text)
}

pub fn register(name: &str, host_type: &str, key: &str) -> String {
    format!(
        "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nX-Go-Builder-Hostname: {name}\r\n\
         X-Go-Builder-Key: {key}\r\nX-Go-Builder-Version: 23\r\nX-Go-Host-Type: {host_type}\r\n\
         X-Revdial-Version: 2\r\n\r\n"
    )
}

/// Registers and says that it lives whenever it is asked; comes back when the session ends. Returns why it is not let in.
pub async fn live(connect: Arc<dyn Connect>, request: Request) -> RegisterError {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    loop {
        match register_with(&*connect, &request).await {
            Ok(control) => serve(control, &connect).await,
            Err(refused) if refused.is_lasting() => return refused,
            Err(_) => {}
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

async fn serve(control: Registered, connect: &Arc<dyn Connect>) {
    let Listening {
        mut incoming,
        renewals: _renewals,
        session,
    } = listen(control, connect.clone(), "localhost");
    // No tasks of their own: whoever does not go on with this future stops everything.
    let mut connections = FuturesUnordered::new();
    let serve = async {
        loop {
            tokio::select! {
                accepted = incoming.accept() => match accepted {
                    Some(stream) => connections.push(say_status(stream)),
                    None => return,
                },
                Some(()) = connections.next() => {}
            }
        }
    };
    tokio::join!(session.run(), serve);
}

/// Answers every request with the status.
pub async fn say_status(mut stream: BoxStream) {
    while let Ok((_, rest)) = read_request(stream, PATIENCE).await {
        stream = Box::new(rest);
        if stream.write_all(STATUS).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}
