//! The other process: many machines, and the direct ways to compare with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bench::bulk::serve;
use clap::Args;
use farm_wire::revdial::listener::Incoming;
use farm_wire::reverse::RevdialVersion;
use farm_wire::stream::Connect;
use farm_wire::tls::{Acceptor, TlsConnect, Trust};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::versions;

/// Registrations under way at once: more would only wait in the hub's backlog.
const AT_ONCE: usize = 128;

/// What the measurement tells its machines.
#[derive(Args)]
pub struct Settings {
    #[arg(long)]
    hub: String,
    /// Certificate and key, which serve both ends
    #[arg(long)]
    certificate: PathBuf,
    #[arg(long)]
    key: PathBuf,
    #[arg(long)]
    count: u32,
    #[arg(long, value_parser = versions::parse)]
    version: RevdialVersion,
}

/// Listens directly, says where, waits for the word, registers all machines, and lives until its input ends.
pub async fn run(settings: Settings) {
    let certificate = std::fs::read(&settings.certificate).unwrap();
    let key = std::fs::read(&settings.key).unwrap();
    let acceptor = Acceptor::from_pem(&certificate, &key).unwrap();
    let mut tasks = JoinSet::new();
    let plain = listen(&mut tasks, None).await;
    let tls = listen(&mut tasks, Some(acceptor)).await;
    println!("{plain} {tls}");
    let mut input = tokio::io::stdin();
    input.read_u8().await.unwrap();
    let connect =
        TlsConnect::new(&settings.hub, Some("localhost"), &Trust::Pem(certificate)).unwrap();
    let connect: Arc<dyn Connect> = Arc::new(connect);
    let doors = Arc::new(Semaphore::new(AT_ONCE));
    for number in 0..settings.count {
        let door = doors.clone().acquire_owned().await.unwrap();
        let request = versions::request(format!("machine-{number}"), settings.version);
        let connect = connect.clone();
        tasks.spawn(async move {
            let serve = |incoming| {
                drop(door);
                serve_all(incoming)
            };
            let end = versions::attend(connect, &request, serve).await;
            println!("{} ended: {end}", request.hostname);
        });
    }
    // The measurement is over, or its process gone.
    drop(input.read_u8().await);
}

async fn listen(tasks: &mut JoinSet<()>, acceptor: Option<Acceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut streams = JoinSet::new();
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tcp.set_nodelay(true).unwrap();
            let acceptor = acceptor.clone();
            streams.spawn(async move {
                match acceptor {
                    Some(acceptor) => serve(acceptor.accept(tcp).await.unwrap()).await,
                    None => serve(tcp).await,
                }
            });
            while streams.try_join_next().is_some() {}
        }
    });
    address
}

async fn serve_all(mut incoming: Incoming) {
    let mut streams = JoinSet::new();
    while let Some(stream) = incoming.accept().await {
        streams.spawn(serve(stream));
        while streams.try_join_next().is_some() {}
    }
}
