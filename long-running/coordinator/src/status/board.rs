//! How this coordinator is doing, for whoever asks: the leader puts up what it knows about once a second, others beside it
//! what they see, and readers never wait for any of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use parking_lot::Mutex;
use tokio::sync::watch;

use farm_bus::SubscriptionSpec;
use farm_model::Timestamp;
use farm_model::keep::KeepDays;
use farm_model::view::{
    CommitTimes, CoordinatorStatus, DeadStatus, FarmStatus, MachineCounts, OrderCounts, Role,
    StatusView, SubscriptionStatus, SweepStatus,
};
use farm_runtime::Clock;
use farm_store::Epoch;

/// Transactions of which the times are kept.
const COMMITS: usize = 1024;
/// A leader that has put up nothing for so long is stuck: it does so about once a second.
const STUCK: SignedDuration = SignedDuration::from_secs(15);

/// What the leader puts up.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The farm.
    pub(crate) farm: FarmStatus,
    /// Events that are not known to be told.
    pub(crate) outbox: usize,
    /// When the oldest of them was made.
    pub(crate) outbox_oldest: Option<Timestamp>,
    /// Pages that are out of date.
    pub(crate) dirty_views: usize,
    /// Runs decided.
    pub(crate) decided: u64,
    /// Messages ignored.
    pub(crate) ignored: u64,
}

/// The board. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    started: Timestamp,
    tenure: Mutex<Tenure>,
    told: watch::Sender<Option<Arc<Told>>>,
    commits: Mutex<Commits>,
    subscriptions: Mutex<BTreeMap<String, SubscriptionStatus>>,
    upkeep: Mutex<Upkeep>,
}

/// How the bucket is kept from growing.
#[derive(Debug, Clone, Default)]
struct Upkeep {
    keep: Option<KeepDays>,
    sweep: Option<SweepStatus>,
}

/// What this process is, and since when.
#[derive(Debug, Clone, Copy)]
struct Tenure {
    role: Role,
    since: Timestamp,
    epoch: i64,
}

#[derive(Debug, Default)]
struct Commits {
    count: u64,
    newest: VecDeque<Duration>,
}

impl Board {
    /// Of a process that starts now.
    pub(crate) fn new(clock: Clock) -> Self {
        let started = clock.now();
        let tenure = Tenure {
            role: Role::Starting,
            since: started,
            epoch: 0,
        };
        let subscriptions = SubscriptionSpec::coordinator().into_iter().map(|spec| {
            let status = SubscriptionStatus {
                name: spec.name.clone(),
                heard: None,
                lag_seconds: None,
                dead: None,
            };
            (spec.name, status)
        });
        Self(Arc::new(Inner {
            clock,
            started,
            tenure: Mutex::new(tenure),
            told: watch::Sender::new(None),
            commits: Mutex::default(),
            subscriptions: Mutex::new(subscriptions.collect()),
            upkeep: Mutex::default(),
        }))
    }

    /// This process leads from now on.
    pub(crate) fn leads(&self, epoch: Epoch) {
        self.becomes(Role::Leading, epoch.number());
    }

    /// What this process is from now on.
    pub(crate) fn becomes(&self, role: Role, epoch: i64) {
        // What another life of it knew is out of date.
        self.0.told.send_replace(None);
        *self.0.upkeep.lock() = Upkeep::default();
        *self.0.tenure.lock() = Tenure {
            role,
            since: self.0.clock.now(),
            epoch,
        };
    }

    /// What the leader knows.
    pub(crate) fn put_up(&self, told: Told) {
        self.0.told.send_replace(Some(Arc::new(told)));
    }

    /// A transaction took so long.
    pub(crate) fn committed(&self, took: Duration) {
        let mut commits = self.0.commits.lock();
        commits.count += 1;
        commits.newest.push_back(took);
        if commits.newest.len() > COMMITS {
            commits.newest.pop_front();
        }
    }

    /// Something that was said at `said` has come from a subscription.
    pub(crate) fn heard(&self, subscription: &str, said: Timestamp) {
        let now = self.0.clock.now();
        if let Some(status) = self.0.subscriptions.lock().get_mut(subscription) {
            status.heard = Some(now);
            status.lag_seconds = Some(now.duration_since(said).as_secs_f64().max(0.0));
        }
    }

    /// What lies in the dead letters of a subscription.
    pub(crate) fn dead(&self, subscription: &str, dead: DeadStatus) {
        if let Some(status) = self.0.subscriptions.lock().get_mut(subscription) {
            status.dead = Some(dead);
        }
    }

    /// For how long things are kept in the bucket.
    pub(crate) fn keeps(&self, keep: KeepDays) {
        self.0.upkeep.lock().keep = Some(keep);
    }

    /// What has been removed from there.
    pub(crate) fn swept(&self, sweep: SweepStatus) {
        self.0.upkeep.lock().sweep = Some(sweep);
    }

    /// All of it.
    pub(crate) fn view(&self) -> StatusView {
        let told = self.0.told.borrow().clone();
        StatusView {
            coordinator: self.coordinator(told.as_deref()),
            farm: told.map_or_else(|| nothing(self.0.clock.now()), |told| told.farm.clone()),
            subscriptions: self.0.subscriptions.lock().values().cloned().collect(),
        }
    }

    fn coordinator(&self, told: Option<&Told>) -> CoordinatorStatus {
        let Tenure { role, since, epoch } = *self.0.tenure.lock();
        let Upkeep { keep, sweep } = self.0.upkeep.lock().clone();
        CoordinatorStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role,
            since,
            epoch,
            started: self.0.started,
            outbox: told.map_or(0, |told| told.outbox),
            outbox_oldest: told.and_then(|told| told.outbox_oldest),
            dirty_views: told.map_or(0, |told| told.dirty_views),
            commits: self.0.commits.lock().times(),
            decided: told.map_or(0, |told| told.decided),
            ignored: told.map_or(0, |told| told.ignored),
            keep,
            sweep,
        }
    }

    /// Whether it leads, or could: why not, if not.
    pub(crate) fn health(&self) -> Result<Role, String> {
        let Tenure { role, since, .. } = *self.0.tenure.lock();
        let now = self.0.clock.now();
        let moved = self.0.told.borrow().as_ref().map(|told| told.farm.made);
        let still = now.duration_since(moved.map_or(since, |moved| moved.max(since)));
        match role {
            Role::Starting => Err("it is starting: its doors are not open yet".to_owned()),
            Role::Leading if still > STUCK => Err(format!(
                "it leads and has done nothing for {} s: look at its database",
                still.as_secs()
            )),
            Role::Leading | Role::Standby => Ok(role),
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl Commits {
    fn times(&self) -> CommitTimes {
        let mut sorted: Vec<Duration> = self.newest.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
            sorted
                .get(place)
                .map_or(0.0, |took| took.as_secs_f64() * 1000.0)
        };
        CommitTimes {
            count: self.count,
            p50_milliseconds: at(50),
            p99_milliseconds: at(99),
        }
    }
}

/// Of a farm of which nothing is known.
fn nothing(now: Timestamp) -> FarmStatus {
    FarmStatus {
        made: now,
        name: String::new(),
        open: 0,
        running: 0,
        queues: Vec::new(),
        machines: MachineCounts::default(),
        orders: OrderCounts::default(),
        hubs: Vec::new(),
        intake: Vec::new(),
        troubles: Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use farm_model::view::{HubStatus, IntakeStatus, QueueStatus};

    use super::*;

    /// A leader's board with nothing on it, and its clock.
    pub(crate) fn leading() -> (Board, Clock) {
        let clock = Clock::manual("2026-11-26T06:00:00Z".parse().unwrap());
        let board = Board::new(clock.clone());
        board.becomes(Role::Leading, 7);
        (board, clock)
    }

    /// A farm with something of everything.
    pub(crate) fn full(now: Timestamp) -> FarmStatus {
        let ago = |seconds| now - SignedDuration::from_secs(seconds);
        let queue = |host_type: &str, waiting, oldest: Option<i64>, machines, busy| QueueStatus {
            host_type: host_type.parse().unwrap(),
            waiting,
            pausing: waiting / 4,
            oldest: oldest.map(ago),
            machines,
            busy,
        };
        let hub = |name: &str, heard, draining| HubStatus {
            hub: name.parse().unwrap(),
            session: "1764136800000-0a1b2c3d".parse().unwrap(),
            heard: ago(heard),
            draining,
            machines: 4,
        };
        let day = |day: &str, source: &str| IntakeStatus {
            day: day.to_owned(),
            source: source.to_owned(),
            accepted: 1_234,
            effective: 1_229,
            repeated: 4,
            refused: 1,
            found: 2,
        };
        FarmStatus {
            made: now,
            name: "sample".to_owned(),
            open: 12,
            running: 2,
            queues: vec![
                queue("host-darwin-15-arm64-very-long-name", 0, None, 2, 1),
                queue("host-linux", 9, Some(754), 8, 8),
                queue("host-openbsd-amd64", 1, Some(90_000), 0, 0),
            ],
            machines: MachineCounts {
                idle: 1,
                busy: 9,
                held: 1,
                aside: 1,
                draining: 1,
                away: 1,
            },
            orders: OrderCounts {
                waits: 1,
                here: 7,
                ..OrderCounts::default()
            },
            hubs: vec![hub("h1", 1, false), hub("h2", 75, true)],
            intake: vec![day("2026-11-26", "github"), day("2026-11-25", "gerrit")],
            troubles: vec![
                "source sample: cannot read https://example.org/a/very/long/address/of/a/repository.git: connection refused"
                    .to_owned(),
            ],
        }
    }

    pub(crate) fn told(farm: FarmStatus) -> Told {
        Told {
            farm,
            outbox: 3,
            outbox_oldest: None,
            dirty_views: 2,
            decided: 40,
            ignored: 5,
        }
    }

    #[test]
    fn a_leader_that_does_nothing_is_not_healthy() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let board = Board::new(clock.clone());
        assert!(board.health().unwrap_err().contains("starting"));
        let (board, clock) = leading();
        assert_eq!(board.health(), Ok(Role::Leading));
        clock.advance(STUCK * 2);
        assert!(board.health().unwrap_err().contains("30 s"));
        board.put_up(told(nothing(clock.now())));
        assert_eq!(board.health(), Ok(Role::Leading));
    }

    #[test]
    fn times_of_transactions_are_of_the_newest() {
        let (board, _) = leading();
        for milliseconds in 1..=100 {
            board.committed(Duration::from_millis(milliseconds));
        }
        let times = board.view().coordinator.commits;
        assert_eq!(
            (times.count, times.p50_milliseconds, times.p99_milliseconds),
            (100, 50.0, 99.0)
        );
        for _ in 0..COMMITS {
            board.committed(Duration::from_millis(1));
        }
        assert_eq!(board.view().coordinator.commits.p99_milliseconds, 1.0);
    }

    #[test]
    fn the_lag_of_a_queue_is_how_old_the_last_message_was() {
        let (board, clock) = leading();
        let said = clock.now();
        clock.advance(SignedDuration::from_secs(3));
        board.heard("activity-coordinator", said);
        board.heard("nobody-s", said);
        let view = board.view();
        let status = |name: &str| {
            let mut all = view.subscriptions.iter();
            all.find(|status| status.name == name).cloned().unwrap()
        };
        assert_eq!(status("activity-coordinator").lag_seconds, Some(3.0));
        assert_eq!(status("progress-coordinator").lag_seconds, None);
        assert_eq!(view.subscriptions.len(), 3);
    }
}
