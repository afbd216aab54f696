//! Who leads. One coordinator does; others on the same state stand by: they take nothing from the queues, and lead as soon
//! as the leader is gone, or has been silent for too long by their own clock. What an old leader can no longer do is
//! decided by its epoch, never by time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use farm_store::{Committed, Epoch, Leader, StateUrl, Store, StoreError};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// How often one that stands by looks.
const LOOK: Duration = Duration::from_millis(250);
/// How often the leader shows that it lives.
const RENEW: Duration = Duration::from_secs(1);
/// Silence of a leader that counts as its end, though its process seems to be there.
const SILENCE: Duration = Duration::from_secs(6);
/// Pause before a state that is away is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// This coordinator does not lead any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fenced;

impl fmt::Display for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another coordinator leads now; this one stands by")
    }
}

impl std::error::Error for Fenced {}

/// A part of the leader ended, which nothing else does the work of.
#[derive(Debug, thiserror::Error)]
#[error("a part of the coordinator broke down: it begins anew")]
pub(crate) struct BrokeDown;

/// Whether what ended a leadership lets this coordinator stand by for the next.
pub(crate) fn may_lead_again(error: &anyhow::Error) -> bool {
    let passes = |error: &StoreError| error.may_pass();
    let own = error.is::<Fenced>() || error.is::<BrokeDown>();
    own || error.downcast_ref::<StoreError>().is_some_and(passes)
}

/// A store that several tasks read through, one after the other.
#[derive(Clone)]
pub(crate) struct Handle(Arc<Mutex<Box<dyn Store>>>);

impl Handle {
    pub(crate) fn new(store: Box<dyn Store>) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// Asks it on a thread that may wait for a disk or a server.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> anyhow::Result<T> {
        let store = self.0.clone();
        Ok(tokio::task::spawn_blocking(move || ask(store.lock().as_mut())).await??)
    }

    /// Who leads.
    async fn leader(&self) -> anyhow::Result<Leader> {
        self.call(|store| store.leader()).await
    }
}

/// Opens the state; waits for a server that is away.
///
/// # Errors
/// What does not pass by itself.
pub(crate) async fn open(url: &StateUrl) -> anyhow::Result<Handle> {
    loop {
        let url = url.clone();
        match tokio::task::spawn_blocking(move || farm_store::open(&url)).await? {
            Ok(store) => return Ok(Handle::new(store)),
            Err(error) if error.may_pass() => tracing::warn!(%error, "cannot open the state"),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// A leader's way to know that it is the leader.
#[derive(Clone)]
pub(crate) struct Leadership {
    state: Handle,
    epoch: Epoch,
    over: CancellationToken,
}

impl Leadership {
    pub(crate) fn new(state: Handle, epoch: Epoch) -> Self {
        let over = CancellationToken::new();
        Self { state, epoch, over }
    }

    /// Whether it leads at this moment, as the state says; waits for a state that is away. Once it does not, it never will
    /// again.
    pub(crate) async fn holds(&self) -> bool {
        while !self.over.is_cancelled() {
            match self.state.leader().await {
                Ok(leader) if leader.epoch == self.epoch => return true,
                Ok(_) => self.over.cancel(),
                Err(error) => {
                    tracing::warn!(%error, "cannot tell who leads");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        false
    }

    /// Until it is known to be over.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Shows again and again that the leader lives.
    pub(crate) async fn renew(self) {
        let mut beat = tokio::time::interval(RENEW);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let epoch = self.epoch;
            match self.state.call(move |store| store.renew(epoch)).await {
                Ok(Committed::Yes) => {}
                Ok(Committed::Fenced) => return self.over.cancel(),
                // The next commit finds out as well.
                Err(error) => tracing::warn!(%error, "cannot show that this coordinator leads"),
            }
        }
    }
}

/// Stands by until nobody leads; whom to follow, as last seen. None at `shutdown`.
///
/// # Errors
/// The state fails in a way that does not pass.
pub(crate) async fn turn(
    state: &Handle,
    shutdown: &CancellationToken,
) -> anyhow::Result<Option<Leader>> {
    let mut watch = Watch::default();
    let mut told = false;
    while !shutdown.is_cancelled() {
        let pause = match state.leader().await {
            Ok(leader) if watch.is_over(leader, Instant::now()) => return Ok(Some(leader)),
            Ok(leader) => {
                if !told {
                    tracing::info!(epoch = %leader.epoch, "standing by: another coordinator leads");
                    told = true;
                }
                LOOK
            }
            Err(error) if may_lead_again(&error) => {
                tracing::warn!(%error, "cannot tell who leads");
                AGAIN
            }
            Err(error) => return Err(error),
        };
        rest(pause, shutdown).await;
    }
    Ok(None)
}

/// Becomes the leader after the one that was last seen as `after`.
///
/// # Errors
/// [`Fenced`] if that one lives, or another came first; the state fails.
pub(crate) async fn follow(
    mut store: Box<dyn Store>,
    after: Leader,
) -> anyhow::Result<(Box<dyn Store>, Epoch)> {
    let (store, epoch) = tokio::task::spawn_blocking(move || {
        let epoch = store.succeed(after);
        (store, epoch)
    })
    .await?;
    let epoch = epoch.context("cannot become the leader")?;
    Ok((store, epoch.ok_or(Fenced)?))
}

/// Before a state that failed is tried again: after a leadership that ended as it should not have.
pub(crate) async fn breathe(shutdown: &CancellationToken) {
    rest(AGAIN, shutdown).await;
}

async fn rest(pause: Duration, shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
}

/// What has been seen of a leader.
#[derive(Debug, Default)]
struct Watch {
    /// Its last sign of life, and when that was seen first.
    seen: Option<(Epoch, i64, Instant)>,
}

impl Watch {
    /// Whether nobody leads, as of `now`.
    fn is_over(&mut self, leader: Leader, now: Instant) -> bool {
        if !leader.present {
            return true;
        }
        let since = match self.seen {
            Some((epoch, renewed, since)) if (epoch, renewed) == (leader.epoch, leader.renewed) => {
                since
            }
            _ => now,
        };
        self.seen = Some((leader.epoch, leader.renewed, since));
        now.duration_since(since) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use farm_store::{Durability, Keep, SqliteStore};

    use super::*;

    fn states() -> (Box<dyn Store>, Box<dyn Store>) {
        let first = SqliteStore::open("unused".as_ref(), Durability::Memory).unwrap();
        let second = first.another().unwrap();
        (Box::new(first), second)
    }

    fn after(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_leader_is_over_when_it_is_gone_or_silent_by_our_own_clock() {
        let (mut leader, mut watcher) = states();
        let (mut watch, start) = (Watch::default(), Instant::now());
        assert!(watch.is_over(watcher.leader().unwrap(), start), "none yet");
        let epoch = leader.load(Keep::Everything).unwrap().epoch;
        let mut looks = |watcher: &mut Box<dyn Store>, seconds| {
            watch.is_over(watcher.leader().unwrap(), start + after(seconds))
        };
        assert!(!looks(&mut watcher, 0.0));
        assert!(!looks(&mut watcher, 5.9));
        assert_eq!(leader.renew(epoch).unwrap(), Committed::Yes);
        assert!(!looks(&mut watcher, 6.1));
        assert!(!looks(&mut watcher, 12.0));
        assert_eq!(leader.renew(epoch).unwrap(), Committed::Yes);
        assert!(!looks(&mut watcher, 12.2));
        assert!(!looks(&mut watcher, 18.1));
        assert!(looks(&mut watcher, 18.3));
        // Another one's silence begins anew.
        let mut next = watcher.another().unwrap();
        next.load(Keep::Everything).unwrap();
        assert!(!looks(&mut watcher, 18.4));
        drop(next);
        assert!(looks(&mut watcher, 18.5), "gone");
    }

    #[tokio::test]
    async fn an_old_leader_finds_out_by_any_way() {
        let (mut first, mut second) = states();
        let epoch = first.load(Keep::Everything).unwrap().epoch;
        let old = Leadership::new(Handle::new(first.another().unwrap()), epoch);
        let also_old = Leadership::new(Handle::new(first.another().unwrap()), epoch);
        assert!(old.holds().await);
        second.load(Keep::Everything).unwrap();
        assert!(!old.holds().await);
        old.over().await;
        also_old.clone().renew().await;
        also_old.over().await;
    }

    #[test]
    fn only_what_passes_lets_it_stand_by() {
        let state = "s".to_owned();
        let away = StoreError::Full {
            state: state.clone(),
        };
        let wrong = StoreError::NotOurs { state };
        assert!(may_lead_again(
            &anyhow::Error::new(away).context("cannot commit")
        ));
        assert!(may_lead_again(&anyhow::Error::new(Fenced)));
        assert!(!may_lead_again(
            &anyhow::Error::new(wrong).context("cannot commit")
        ));
        assert!(!may_lead_again(&anyhow::anyhow!("a folder is missing")));
    }
}
