//! A stand-in for S3: MiniStack, where it is on PATH or `FARM_MINISTACK` names it. One process for all cases, a bucket a case.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use farm_bucket::Bucket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;

use crate::child::{self, Child};

/// A new bucket, if there is a stand-in.
pub async fn bucket() -> Option<Bucket> {
    static STACK: OnceCell<Option<(SocketAddr, Child)>> = OnceCell::const_new();
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let (address, _) = STACK.get_or_init(stack).await.as_ref()?;
    let name = format!("case-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    make(*address, &name).await;
    let url = format!("s3://{name}/of/mine?endpoint=http://{address}");
    Some(Bucket::open(&url).unwrap())
}

async fn stack() -> Option<(SocketAddr, Child)> {
    let told = child::told("FARM_MINISTACK").map(PathBuf::from);
    let Some(program) = told.or_else(|| child::find("ministack")) else {
        child::skipped("neither FARM_MINISTACK nor PATH names MiniStack (pip install ministack)");
        return None;
    };
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let port = address.port().to_string();
    let settings = [
        ("GATEWAY_PORT", port.as_str()),
        ("BIND_HOST", "127.0.0.1"),
        ("SERVICES", "s3"),
        ("LOG_LEVEL", "WARNING"),
    ];
    let child = Child::start(&program, &[], &settings);
    child::is_up(address).await;
    Some((address, child))
}

async fn make(address: SocketAddr, name: &str) {
    let request = format!(
        "PUT /{name} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
