//! The one listener: machines register on `/reverse`, dial in for the hub on `/revdial`, people look at `/status`.

mod keys;
mod pages;
mod renewal;
mod reverse;
mod session;
mod tls;
mod v1;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use farm_runtime::Clock;
use farm_wire::head::{Refusal, RequestHead, read_request, write_refusal};
use farm_wire::revdial::Dialers;
use farm_wire::stream::Prefixed;
use farm_wire::tls::{Acceptor as Tls, TlsServerStream};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use self::keys::{KeyLives, Keys};
pub use self::tls::open as open_tls;
pub use self::v1::V1Places;
use crate::ledger::Ledger;
use crate::machines::{Checks, Registry};
use crate::metrics::Counts;
use crate::peers::{Others, Owner};
use crate::site::Site;
use crate::status::StatusSender;
use crate::teller::Identity;

/// Connections on their way from TCP to being a machine's, a pick-up or answered.
pub const MAX_HANDSHAKES: usize = 512;

/// For TLS, and for the head of the request.
const LIMIT: Duration = Duration::from_secs(10);

/// After the listener failed: there may be file descriptors again.
const PAUSE: Duration = Duration::from_millis(100);

/// First byte of a TLS handshake record (RFC 8446 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// A request that arrived over TLS, its head read.
pub type Request = (RequestHead, Prefixed<TlsServerStream>);

/// What connections lead to.
pub struct Doors {
    /// Of this hub.
    pub identity: Identity,
    /// Sessions by id.
    pub dialers: Dialers,
    /// Machines by name.
    pub registry: Arc<Registry>,
    /// Who may register.
    pub keys: Keys,
    /// Places for machines of version 1, where it is switched on.
    pub v1: Option<V1Places>,
    /// How idle machines are looked after.
    pub checks: Checks,
    /// Counts.
    pub status: StatusSender,
    /// Places for connections that are not yet anything.
    pub places: Arc<Semaphore>,
    /// What is counted.
    pub counts: Counts,
    /// Pages.
    pub site: Site,
    /// Hubs behind the same address.
    pub others: Others,
    /// Which machines' keys are still good.
    pub ledger: Arc<Ledger>,
}

/// Accepts until it is dropped; with it end all machines' sessions.
pub async fn run(listener: TcpListener, tls: Tls, doors: Arc<Doors>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&doors.places).acquire_owned().await else {
            return;
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    connections.spawn(Box::pin(connection(tcp, tls.clone(), Arc::clone(&doors), place)));
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections");
                    sleep(PAUSE).await;
                }
            },
            Some(ended) = connections.join_next() => log_panic(ended),
        }
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

async fn connection(tcp: TcpStream, tls: Tls, doors: Arc<Doors>, place: OwnedSemaphorePermit) {
    let peer = tcp
        .peer_addr()
        .map_or_else(|_| "unknown".to_owned(), |peer| peer.to_string());
    match request(tcp, &tls, &doors.identity.clock).await {
        Ok(request) => dispatch(request, &doors, place, &peer).await,
        Err(error) => tracing::info!(%peer, %error, "a connection came to nothing"),
    }
}

async fn request(tcp: TcpStream, tls: &Tls, clock: &Clock) -> io::Result<Request> {
    let mut first = [0];
    let seen = timeout(LIMIT, tcp.peek(&mut first))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the peer said nothing"))??;
    if seen == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "closed without a word",
        ));
    }
    if first != [HANDSHAKE_RECORD] {
        return Err(not_tls(tcp, clock).await);
    }
    let stream = timeout(LIMIT, tls.accept(tcp))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no TLS handshake in time"))??;
    read_request(stream, LIMIT).await.map_err(io::Error::other)
}

/// Tells a peer that speaks without TLS so, where it speaks HTTP.
async fn not_tls(tcp: TcpStream, clock: &Clock) -> io::Error {
    if let Ok((_, mut stream)) = read_request(tcp, LIMIT).await {
        refuse(&mut stream, &Refusal::not_tls(), clock).await;
    }
    io::Error::new(io::ErrorKind::InvalidData, "the peer does not speak TLS")
}

async fn dispatch(request: Request, doors: &Arc<Doors>, place: OwnedSemaphorePermit, peer: &str) {
    match request.0.path() {
        "/reverse" => session::serve(request, doors, place, peer).await,
        "/revdial" => pick_up(request, doors, place, peer).await,
        _ => {
            drop(place);
            pages::answer(request, doors).await;
        }
    }
}

async fn pick_up((head, stream): Request, doors: &Doors, place: OwnedSemaphorePermit, peer: &str) {
    let owner = Dialers::hub_of(&head).and_then(|hub| doors.others.owner(hub));
    if let Some(owner) = owner {
        return hand_over((head, stream), &owner, doors, place, peer).await;
    }
    let now = system_time(&doors.identity.clock);
    if let Err(refusal) = doors.dialers.pick_up(&head, stream, now).await {
        tracing::info!(%peer, %refusal, "a pick-up was refused");
        doors
            .status
            .send_modify(|status| status.pick_ups_refused += 1);
    }
}

/// Lets another hub's machine through to it, as long as it stays.
async fn hand_over(
    (head, mut stream): Request,
    owner: &Owner<'_>,
    doors: &Doors,
    place: OwnedSemaphorePermit,
    peer: &str,
) {
    let clock = &doors.identity.clock;
    match owner.open(peer).await {
        Ok(passage) => {
            drop(place);
            doors.status.send_modify(|status| status.handed_over += 1);
            if let Err(error) = passage.pass(&head, stream, system_time(clock)).await {
                tracing::debug!(%peer, %error, "a connection of another hub ended");
            }
        }
        Err(refusal) => {
            tracing::info!(%peer, %refusal, "a pick-up could not be handed over");
            doors
                .status
                .send_modify(|status| status.pick_ups_refused += 1);
            refuse(&mut stream, &refusal, clock).await;
        }
    }
}

/// Answers and closes. What goes wrong is the peer's loss.
async fn refuse<S>(stream: &mut S, refusal: &Refusal, clock: &Clock)
where
    S: tokio::io::AsyncWrite + Unpin,
{
    drop(write_refusal(stream, refusal, system_time(clock)).await);
    drop(timeout(LIMIT, stream.shutdown()).await);
}

/// The time as `Date` fields take it.
pub fn system_time(clock: &Clock) -> SystemTime {
    SystemTime::try_from(clock.now()).unwrap_or(SystemTime::UNIX_EPOCH)
}
