//! Expired leases, ended back-offs, old messages: what happens because time passes.

use std::sync::Arc;
use std::time::Duration;

use super::{Broker, State};
use crate::clock::Moment;
use crate::store::catalog::SubscriptionId;

/// What falls due within this time is done in one go.
const GRAIN: Duration = Duration::from_millis(5);

/// Ticks until the broker closes.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let compacted = broker.compact().await;
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
    fn tick(self: &Arc<Self>) -> Option<Moment> {
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
            self.settled(state, id, dropped);
        }
        state.wake_at = state.next_due().map(|due| due.max(now + GRAIN));
        state.wake_at
    }

    /// Wakes the ticker if something in this subscription is due before it would look.
    pub(super) fn remind(&self, state: &State, id: SubscriptionId) {
        let due = state
            .subscriptions
            .get(&id)
            .and_then(|s| s.leases.next_due());
        let late = |due: Moment| state.wake_at.is_none_or(|wake| due < wake);
        if due.is_some_and(late) {
            self.sooner.notify_one();
        }
    }
}
