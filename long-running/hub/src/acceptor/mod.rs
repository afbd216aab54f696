//! The one listener: machines register on `/reverse`, dial in for the hub on `/revdial`, people look at `/status`.

mod keys;
mod once;
mod pages;
mod renewal;
mod reverse;
mod session;
pub(crate) mod tls;
mod v1;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use farm_runtime::Clock;
use farm_wire::head::{Refusal, RequestHead, read_request, write_refusal};
use farm_wire::revdial::Dialers;
use farm_wire::stream::Prefixed;
use farm_wire::tls::{Acceptor as Tls, TlsServerStream};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
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

/// Connections before their request. One more, and the oldest of them is cut off: whoever says nothing keeps nobody out.
pub const MAX_HANDSHAKES: usize = 512;

/// From TCP to the head of a request, TLS included.
const LIMIT: Duration = Duration::from_secs(10);

/// For the first byte: peers speak as soon as they are connected.
const FIRST: Duration = Duration::from_secs(3);

/// For an answer to be taken.
const ANSWER: Duration = Duration::from_secs(5);

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
    /// Places for connections before their request; taken ones are counted.
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
    let newcomers = Arc::new(Newcomers::default());
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    let newcomer = newcomers.enter(&doors.counts);
                    let number = newcomer.number;
                    let connection = connection(tcp, tls.clone(), Arc::clone(&doors), newcomer);
                    newcomers.can_be_cut_off(number, connections.spawn(Box::pin(connection)));
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

/// Connections before their request by number, the oldest first; what cuts one off, once it runs.
#[derive(Default)]
struct Newcomers {
    accepted: AtomicU64,
    all: Mutex<BTreeMap<u64, Option<AbortHandle>>>,
}

/// One of them, until it is dropped.
struct Newcomer {
    number: u64,
    newcomers: Arc<Newcomers>,
}

impl Newcomers {
    /// One more; the oldest makes room for it.
    fn enter(self: &Arc<Self>, counts: &Counts) -> Newcomer {
        let number = self.accepted.fetch_add(1, Ordering::Relaxed);
        let mut all = self.all.lock();
        let oldest = match all.len() {
            0..MAX_HANDSHAKES => None,
            _ => all.pop_first().and_then(|(_, oldest)| oldest),
        };
        all.insert(number, None);
        drop(all);
        if let Some(oldest) = oldest {
            counts.crowded_out.inc();
            oldest.abort();
        }
        Newcomer {
            number,
            newcomers: Arc::clone(self),
        }
    }

    /// Unless it is through already.
    fn can_be_cut_off(&self, number: u64, by: AbortHandle) {
        if let Some(newcomer) = self.all.lock().get_mut(&number) {
            *newcomer = Some(by);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.newcomers.all.lock().remove(&self.number);
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked");
    }
}

async fn connection(tcp: TcpStream, tls: Tls, doors: Arc<Doors>, newcomer: Newcomer) {
    let peer = tcp
        .peer_addr()
        .map_or_else(|_| "unknown".to_owned(), |peer| peer.to_string());
    let arrives = async {
        // There are as many as newcomers: at once, or as soon as the one that was cut off has ended.
        let place = Arc::clone(&doors.places).acquire_owned().await;
        let place = place.map_err(io::Error::other)?;
        Ok((request(tcp, &tls, &doors).await?, place))
    };
    let arrived = timeout(LIMIT, arrives).await;
    drop(newcomer);
    match arrived.unwrap_or_else(|_| Err(late("no request in time"))) {
        Ok((request, place)) => dispatch(request, &doors, place, &peer).await,
        Err(error) => tracing::info!(%peer, %error, "a connection came to nothing"),
    }
}

async fn request(tcp: TcpStream, tls: &Tls, doors: &Doors) -> io::Result<Request> {
    let mut first = [0];
    let seen = timeout(FIRST, tcp.peek(&mut first))
        .await
        .map_err(|_| late("the peer said nothing"))??;
    if seen == 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "closed without a word",
        ));
    }
    if first != [HANDSHAKE_RECORD] {
        return Err(not_tls(tcp, doors).await);
    }
    let stream = tls.accept(tcp).await?;
    read_request(stream, LIMIT).await.map_err(io::Error::other)
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

/// Tells a peer that speaks without TLS so, where it speaks HTTP.
async fn not_tls(tcp: TcpStream, doors: &Doors) -> io::Error {
    if let Ok((head, mut stream)) = read_request(tcp, LIMIT).await {
        let refusal = Refusal::not_tls();
        if head.path() == "/reverse" {
            doors.counts.refused(&refusal);
            doors
                .status
                .send_modify(|status| status.registrations_refused += 1);
        }
        refuse(&mut stream, &refusal, &doors.identity.clock).await;
    }
    io::Error::new(io::ErrorKind::InvalidData, "the peer does not speak TLS")
}

async fn dispatch(request: Request, doors: &Arc<Doors>, place: OwnedSemaphorePermit, peer: &str) {
    if request.0.path() == "/reverse" {
        return session::serve(request, doors, place, peer).await;
    }
    drop(place);
    match request.0.path() {
        "/revdial" => pick_up(request, doors, peer).await,
        _ => pages::answer(request, doors).await,
    }
}

async fn pick_up((head, stream): Request, doors: &Doors, peer: &str) {
    let owner = Dialers::hub_of(&head).and_then(|hub| doors.others.owner(hub));
    if let Some(owner) = owner {
        return hand_over((head, stream), &owner, doors, peer).await;
    }
    let now = system_time(&doors.identity.clock);
    let answered = timeout(ANSWER, doors.dialers.pick_up(&head, stream, now)).await;
    if let Ok(Err(refusal)) = answered {
        tracing::info!(%peer, %refusal, "a pick-up was refused");
    }
}

/// Lets another hub's machine through to it, as long as it stays.
async fn hand_over((head, mut stream): Request, owner: &Owner<'_>, doors: &Doors, peer: &str) {
    let clock = &doors.identity.clock;
    match owner.open(peer).await {
        Ok(passage) => {
            doors.status.send_modify(|status| status.handed_over += 1);
            if let Err(error) = passage.pass(&head, stream, system_time(clock)).await {
                tracing::debug!(%peer, %error, "a connection of another hub ended");
            }
        }
        Err(refusal) => {
            tracing::info!(%peer, %refusal, "a pick-up could not be handed over");
            doors
                .status
                .send_modify(|status| status.not_handed_over += 1);
            refuse(&mut stream, &refusal, clock).await;
        }
    }
}

/// Answers and closes. What goes wrong is the peer's loss.
async fn refuse<S>(stream: &mut S, refusal: &Refusal, clock: &Clock)
where
    S: tokio::io::AsyncWrite + Unpin,
{
    let answer = async {
        write_refusal(stream, refusal, system_time(clock)).await?;
        stream.shutdown().await
    };
    drop(timeout(ANSWER, answer).await);
}

/// The time as `Date` fields take it.
pub fn system_time(clock: &Clock) -> SystemTime {
    SystemTime::try_from(clock.now()).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_too_many_newcomers_the_oldest_is_cut_off_and_none_that_is_through() {
        let (newcomers, counts) = (Arc::new(Newcomers::default()), Counts::default());
        let mut tasks = JoinSet::new();
        let mut enter = || {
            let newcomer = newcomers.enter(&counts);
            let never = tasks.spawn(std::future::pending::<()>());
            newcomers.can_be_cut_off(newcomer.number, never.clone());
            (newcomer, never)
        };
        let (first, first_task) = enter();
        let (second, second_task) = enter();
        drop(first);
        let rest: Vec<_> = (0..MAX_HANDSHAKES).map(|_| enter()).collect();
        let ended = timeout(LIMIT, tasks.join_next()).await.unwrap();
        assert!(ended.unwrap().unwrap_err().is_cancelled());
        assert!(second_task.is_finished() && !first_task.is_finished());
        assert_eq!(counts.crowded_out.get(), 1);
        drop((second, rest));
        assert!(newcomers.all.lock().is_empty());
    }
}
