//! Expired leases, ended back-offs, old messages, snapshots and subscriptions whose time is up: what
//! happens because time passes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Broker, State};
use crate::clock::Moment;
use crate::store::catalog::SubscriptionId;

/// What falls due within this time is done in one go.
const GRAIN: Duration = Duration::from_millis(5);

/// When an expired resource could not be deleted, it is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

/// Ticks until the broker closes.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let compacted = broker.compact().await;
        broker.expire().await;
        let next = broker.tick();
        if compacted {
            continue;
        }
        tokio::select! {
            () = broker.closing.cancelled() => return,
            () = broker.sooner.notified() => {}
            () = wait(&broker, next) => {}
        }
    }
}

async fn wait(broker: &Broker, next: Option<Moment>) {
    match next {
        Some(next) => broker.clock.reached(next).await,
        None => std::future::pending().await,
    }
}

impl Broker {
    /// Does all that is due now; says when to look again.
    pub(super) fn tick(self: &Arc<Self>) -> Option<Moment> {
        let now = self.clock.now();
        let state = &mut *self.state.lock();
        let due: Vec<SubscriptionId> = state
            .subscriptions
            .iter()
            .filter(|(_, s)| s.leases.next_due().is_some_and(|due| due <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            let dropped = match state.subscriptions.get_mut(&id) {
                Some(subscription) => subscription.leases.tick(now),
                None => continue,
            };
            self.let_go(state, id.into(), &dropped.into_iter().collect());
            self.follow_up(state, id);
        }
        self.tick_shelves(state, now);
        // What has expired by now could not be deleted.
        let expiry = state.next_expiry();
        let expiry = expiry.map(|at| if at <= now { now + RETRY } else { at });
        let due = state.next_due().into_iter().chain(expiry).min();
        state.wake_at = due.map(|due| due.max(now + GRAIN));
        state.wake_at
    }

    fn tick_shelves(&self, state: &mut State, now: Moment) {
        let shelves = state.shelves.iter_mut();
        let dropped: Vec<_> = shelves.map(|(id, shelf)| (*id, shelf.tick(now))).collect();
        for (id, seqs) in dropped {
            self.let_go(state, id, &seqs);
        }
    }

    /// Deletes the snapshots and subscriptions whose time is up.
    pub(super) async fn expire(&self) {
        let now = self.clock.now();
        let over = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        if !over(self.state.lock().next_expiry()) {
            return;
        }
        let idle: BTreeSet<_> = {
            let state = self.state.lock();
            let subscriptions = state.subscriptions.iter();
            let idle = subscriptions.filter(|(_, subscription)| over(subscription.expires()));
            idle.map(|(id, _)| *id).collect()
        };
        let deleted = self.change(|catalog| {
            catalog
                .snapshots
                .retain(|_, record| !over(record.expires()));
            catalog
                .subscriptions
                .retain(|_, (id, _)| !idle.contains(id));
            Ok(())
        });
        if let Err(refusal) = deleted.await {
            tracing::warn!(%refusal, "what has expired was not deleted");
        }
    }

    /// Wakes the ticker if something in this subscription is due before it would look.
    pub(super) fn remind(&self, state: &State, id: SubscriptionId) {
        let found = state.subscriptions.get(&id);
        let due = found.and_then(|found| {
            let dates = [found.leases.next_due(), found.expires()];
            dates.into_iter().flatten().min()
        });
        let late = |due: Moment| state.wake_at.is_none_or(|wake| due < wake);
        if due.is_some_and(late) {
            self.sooner.notify_one();
        }
    }
}
