//! Whether we hear ourselves on `progress`: the silence of others counts only then.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use farm_bus::Bus;
use farm_core::Fact;
use farm_model::event::{Event, Topic};
use farm_runtime::Clock;

use crate::engine::Input;

/// Whether we hear ourselves: silence of others counts only then.
pub(super) struct Ears {
    pub(super) life: String,
    pub(super) heard: Arc<AtomicI64>,
    pub(super) clock: Clock,
}

/// The type of the coordinator's own pulse on `progress`.
const PULSE: &str = "farmhand.coordinator.pulse.v1";

impl Ears {
    pub(super) fn is_own(&self, event: &Event) -> bool {
        if event.kind != PULSE {
            return false;
        }
        if event.source.ends_with(&self.life) {
            self.heard
                .store(self.clock.now().as_millisecond(), Ordering::Relaxed);
        }
        true
    }
}

/// Speaks on `progress`, so that we know whether we would hear a hub.
pub(super) async fn pulse(bus: Bus, clock: Clock, life: String, grace: jiff::SignedDuration) {
    let mut beat = tokio::time::interval(part(grace, 8));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for number in 0_u64.. {
        beat.tick().await;
        let event = Event {
            id: format!("pulse:{life}:{number}"),
            source: format!("/coordinator/{life}"),
            kind: PULSE.to_owned(),
            time: clock.now(),
            extensions: std::collections::BTreeMap::new(),
            data: "{}".to_owned(),
        };
        if let Err(error) = bus.publish(Topic::Progress, &event).await {
            tracing::warn!(%error, "cannot reach the queues");
        }
    }
}

/// Tells the leader while we are deaf.
pub(super) async fn deafness(
    inputs: mpsc::Sender<Input>,
    clock: Clock,
    heard: Arc<AtomicI64>,
    grace: jiff::SignedDuration,
) {
    let limit = part(grace, 2);
    let mut look = tokio::time::interval(part(grace, 8));
    loop {
        look.tick().await;
        let silence = clock.now().as_millisecond() - heard.load(Ordering::Relaxed);
        if u128::try_from(silence).unwrap_or(0) > limit.as_millis() {
            let input = Input {
                facts: vec![Fact::Deaf],
                ..Input::default()
            };
            if inputs.send(input).await.is_err() {
                return;
            }
        }
    }
}

fn part(grace: jiff::SignedDuration, of: i32) -> Duration {
    Duration::try_from(grace / of)
        .unwrap_or(Duration::from_secs(1))
        .max(Duration::from_millis(50))
}
