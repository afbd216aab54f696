//! What stands before several hubs: one TCP address, a different hub for each connection, TLS untouched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The type of TLS records with data in them (RFC 8446 5.1).
const APPLICATION_DATA: u8 = 23;

pub struct Balancer {
    pub address: String,
    /// Of each connection that a hub took: lengths of the records with data that it sent.
    pub records: Arc<Mutex<Vec<Vec<usize>>>>,
    _serving: JoinSet<()>,
}

impl Balancer {
    /// Takes turns; a hub that is not there is passed over.
    pub async fn start(hubs: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let records = Arc::<Mutex<Vec<Vec<usize>>>>::default();
        let turn = AtomicUsize::new(0);
        let mut serving = JoinSet::new();
        let noted = records.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (visitor, _) = listener.accept().await.unwrap();
                for _ in &hubs {
                    let hub = &hubs[turn.fetch_add(1, Ordering::Relaxed) % hubs.len()];
                    if let Ok(hub) = TcpStream::connect(hub).await {
                        connections.spawn(pass(visitor, hub, noted.clone()));
                        break;
                    }
                }
            }
        });
        Self {
            address,
            records,
            _serving: serving,
        }
    }
}

async fn pass(visitor: TcpStream, hub: TcpStream, records: Arc<Mutex<Vec<Vec<usize>>>>) {
    let number = {
        let mut records = records.lock();
        records.push(Vec::new());
        records.len() - 1
    };
    let (mut from_visitor, mut to_visitor) = visitor.into_split();
    let (mut from_hub, mut to_hub) = hub.into_split();
    let back = async {
        while let Some((kind, record)) = record(&mut from_hub).await {
            if kind == APPLICATION_DATA {
                records.lock()[number].push(record.len() - 5);
            }
            if to_visitor.write_all(&record).await.is_err() {
                break;
            }
        }
        drop(to_visitor.shutdown().await);
    };
    let there = async {
        drop(tokio::io::copy(&mut from_visitor, &mut to_hub).await);
        drop(to_hub.shutdown().await);
    };
    tokio::join!(there, back);
}

/// The next record with its header.
async fn record<R: AsyncRead + Unpin>(from: &mut R) -> Option<(u8, Vec<u8>)> {
    let mut record = vec![0; 5];
    from.read_exact(&mut record).await.ok()?;
    let length = u16::from_be_bytes([record[3], record[4]]);
    record.resize(5 + usize::from(length), 0);
    from.read_exact(&mut record[5..]).await.ok()?;
    Some((record[0], record))
}
