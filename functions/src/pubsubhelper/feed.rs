//! The feed as a view, watched on behalf of all who wait. Nobody watches while nobody waits: of the waiting requests one
//! at a time reads the view again and again, and the others hear from it.

use std::sync::Arc;
use std::time::Duration;

use farm_bucket::{Bucket, ReadView};
use farm_model::Timestamp;
use farm_model::view::{FeedEvent, FeedView, key};
use farm_runtime::Failure;
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// How long a request waits: platforms cut it off at 30 seconds.
const HOLD: Duration = Duration::from_secs(25);
/// Pause between two readings of the view.
const PAUSE: Duration = Duration::from_millis(150);
/// What was read so long ago is as good as read now.
const FRESH: Duration = Duration::from_millis(50);
/// Requests that may wait at once.
const SEATS: usize = 2000;

/// The feed.
pub(super) struct Feed {
    bucket: Bucket,
    events: watch::Sender<Arc<Vec<FeedEvent>>>,
    read: Mutex<Read>,
    /// Held by the one who reads for all.
    turn: Mutex<()>,
    seats: Semaphore,
}

/// What is known of the last reading.
#[derive(Default)]
struct Read {
    at: Option<Instant>,
    version: Option<String>,
}

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited {
    /// The oldest event after the cursor.
    Event(FeedEvent),
    /// None: nothing up to and with this moment was overlooked.
    Out(Timestamp),
}

impl Feed {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self {
            bucket,
            events: watch::Sender::default(),
            read: Mutex::default(),
            turn: Mutex::default(),
            seats: Semaphore::new(SEATS),
        }
    }

    /// All events that are kept, oldest first.
    pub(super) async fn events(&self) -> Result<Arc<Vec<FeedEvent>>, Failure> {
        self.refresh().await?;
        Ok(self.events.borrow().clone())
    }

    /// The oldest event strictly after `after`; without it, the next one that comes.
    pub(super) async fn wait(&self, after: Option<Timestamp>) -> Result<Waited, Failure> {
        let seat = self.seats.try_acquire();
        let _seat = seat.map_err(|_| Failure::again("too many requests wait for events"))?;
        let until = Instant::now() + HOLD;
        let events = self.events().await?;
        // Not the clock: an event that is stamped already may still be on its way into the view.
        let newest = events.last().map(|event| event.time);
        let cursor = after.or(newest).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut news = self.events.subscribe();
        loop {
            if let Some(event) = first_after(&news.borrow_and_update(), cursor) {
                return Ok(Waited::Event(event.clone()));
            }
            tokio::select! {
                // What came in the last moment goes before the time-out.
                biased;
                _ = news.changed() => {}
                watched = self.watch() => watched?,
                () = sleep_until(until) => return Ok(Waited::Out(cursor)),
            }
        }
    }

    /// Waits for its turn, and then reads for all.
    async fn watch(&self) -> Result<(), Failure> {
        let _turn = self.turn.lock().await;
        sleep(PAUSE).await;
        self.refresh().await
    }

    /// Reads the view, unless somebody just did.
    async fn refresh(&self) -> Result<(), Failure> {
        let mut read = self.read.lock().await;
        if read.at.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let found = self
            .bucket
            .get_view_unless(key::FEED, read.version.as_deref());
        match found.await.map_err(Failure::again)? {
            ReadView::Same => {}
            // A farm of which nothing was heard yet.
            ReadView::Missing => {
                self.replace(Vec::new());
                read.version = None;
            }
            ReadView::New(view) => {
                let feed: FeedView = serde_json::from_slice(&view.bytes).map_err(Failure::again)?;
                self.replace(feed.events);
                read.version = view.version;
            }
        }
        read.at = Some(Instant::now());
        Ok(())
    }

    fn replace(&self, events: Vec<FeedEvent>) {
        self.events.send_if_modified(|known| {
            let other = **known != events;
            if other {
                *known = Arc::new(events);
            }
            other
        });
    }
}

/// Stamps strictly increase.
fn first_after(events: &[FeedEvent], cursor: Timestamp) -> Option<&FeedEvent> {
    let after = events.partition_point(|event| event.time <= cursor);
    events.get(after)
}

#[cfg(test)]
mod tests;
