//! The hub's end: accepts, registers everybody, hands pick-ups over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use farm_wire::head::read_request;
use farm_wire::revdial::{Dialer, Dialers};
use farm_wire::reverse::Registration;
use farm_wire::tls::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::versions;

const HEAD: Duration = Duration::from_secs(60);

/// A hub that listens; ends when dropped.
pub struct Hub {
    pub address: String,
    /// Machines as they register.
    pub registered: mpsc::UnboundedReceiver<Dialer>,
    _accepting: JoinSet<()>,
}

impl Hub {
    /// On a port of loopback.
    pub async fn start(certificate: &str, key: &str) -> Self {
        let acceptor = Acceptor::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (register, registered) = mpsc::unbounded_channel();
        let mut accepting = JoinSet::new();
        let serving = Arc::new(Serving {
            acceptor,
            dialers: Dialers::new("bench").unwrap(),
            register,
        });
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                connections.spawn(serving.clone().connection(tcp));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            registered,
            _accepting: accepting,
        }
    }
}

struct Serving {
    acceptor: Acceptor,
    dialers: Dialers,
    register: mpsc::UnboundedSender<Dialer>,
}

impl Serving {
    async fn connection(self: Arc<Self>, tcp: TcpStream) {
        let Ok(tls) = self.acceptor.accept(tcp).await else {
            return;
        };
        let Ok((head, stream)) = read_request(tls, HEAD).await else {
            return;
        };
        if head.path() == "/revdial" {
            drop(self.dialers.pick_up(&head, stream, SystemTime::now()).await);
            return;
        }
        let version = Registration::parse(&head).unwrap().revdial_version;
        let (dialer, session) = versions::open(&self.dialers, stream, version)
            .await
            .unwrap();
        drop(self.register.send(dialer));
        session.run().await;
    }
}
