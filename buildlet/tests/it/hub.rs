//! A hub in bytes: what a machine dials, and no more.

use farm_wire::tls::{Acceptor, TlsServerStream};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::harness::{Buildlet, within};
use crate::peer::Peer;

pub const KEY: &str = "2c3751c948a3f763672397642ac5515c";

/// A listener with a certificate for `localhost`.
pub struct Hub {
    listener: TcpListener,
    acceptor: Acceptor,
    certificate: String,
}

/// A connection that the machine made.
pub type Dialed = Peer<TlsServerStream>;

impl Hub {
    pub async fn start() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate = made.cert.pem();
        let key = made.signing_key.serialize_pem();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            acceptor: Acceptor::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap(),
            certificate,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// Its certificate, in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A machine that dials this hub, believing its certificate.
    pub fn machine(&self) -> Buildlet {
        self.machine_with(&[], true)
    }

    pub fn machine_with(&self, args: &[&str], believing: bool) -> Buildlet {
        let folder = tempfile::tempdir().unwrap();
        let (key, ca) = (
            file(&folder, "key", &format!(" {KEY}\n")),
            file(&folder, "ca", &self.certificate),
        );
        let address = self.listener.local_addr().unwrap().to_string();
        let mut all = vec![
            "--coordinator",
            &address,
            "--server-name",
            "localhost",
            "--key-file",
            &key,
        ];
        all.extend(["--reverse-type", "host-linux-foo", "--hostname", "testhost"]);
        if believing {
            all.extend(["--ca", &ca]);
        }
        all.extend(args);
        Buildlet::spawn(folder, &all, &[])
    }

    /// The next connection.
    pub async fn dialed(&self) -> Dialed {
        self.try_dialed().await.unwrap()
    }

    /// The next connection, or why there is none.
    pub async fn try_dialed(&self) -> std::io::Result<Dialed> {
        let (tcp, _) = within("a machine", self.listener.accept()).await?;
        Ok(Peer::new(
            within("a handshake", self.acceptor.accept(tcp)).await?,
        ))
    }

    /// The next connection that registers, with version 2 of reverse dialing: this hub is of 2019, and tells a machine so
    /// that asks for version 3. It asks again at once, and remembers.
    pub async fn asked(&self) -> Dialed {
        let mut control = self.dialed().await;
        let mut asked = control.block().await;
        if asked == registration(3) {
            control.send(OF_2019).await;
            control = self.dialed().await;
            asked = control.block().await;
        }
        assert_eq!(asked, registration(2));
        control
    }

    /// The next connection, which registers; its 101 is the one of 2019.
    pub async fn registered(&self) -> Dialed {
        let mut control = self.asked().await;
        control
            .send("HTTP/0.0 101 Switching Protocols\r\n\r\n")
            .await;
        control
    }

    /// Asks for a connection and gets it.
    pub async fn picked_up(&self, control: &mut Dialed, path: &str) -> Dialed {
        control
            .send(format!(
                "{{\"command\":\"conn-ready\",\"connPath\":\"{path}\"}}\n"
            ))
            .await;
        let mut picked = self.dialed().await;
        assert_eq!(picked.block().await, pick_up(path));
        picked
            .send("HTTP/0.0 101 Switching Protocols\r\n\r\n")
            .await;
        picked
    }
}

/// What a hub of 2019 says to a machine that asks for version 3 of reverse dialing.
pub const OF_2019: &str =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 24\r\n\r\nunknown revdial version\n";

/// `buildlet.md` 8.4, with the hub's name where 2019 left it empty (`revdial.md` 11).
pub fn registration(revdial: u8) -> String {
    format!(
        "GET /reverse HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\nX-Go-Builder-Hostname: testhost\r\n\
         X-Go-Builder-Key: {KEY}\r\nX-Go-Builder-Version: 23\r\nX-Go-Host-Type: host-linux-foo\r\nX-Revdial-Version: {revdial}\r\n"
    )
}

/// `revdial.md` 3.5, likewise.
pub fn pick_up(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\n")
}

fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
