//! Deliveries become facts. What does not parse goes to the dead letters; what is not ours is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use farm_bus::{Bus, Delivery, Limits, SubscriptionSpec};
use farm_core::{Fact, plan};
use farm_model::config::FarmConfig;
use farm_model::event::{DecodeError, Event, Message, Topic};
use farm_model::id::RepoName;
use farm_model::message::activity::Activity;
use farm_model::message::command::Command;
use farm_model::message::progress::{AttemptProgress, HubHeartbeat, MachineGone};
use farm_runtime::{Clock, Ids};

use crate::engine::Input;
use crate::sources::Sources;

/// Deliveries held at once, per subscription.
const OUTSTANDING: u32 = 1000;

/// What the intake works with.
pub(crate) struct Doors {
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) sources: Sources,
    pub(crate) configs: watch::Receiver<Option<FarmConfig>>,
    /// The repository that holds `farm.toml`, if one does.
    pub(crate) config_holder: Option<RepoName>,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) grace: jiff::SignedDuration,
}

/// Starts one receiver a subscription, and the pulse.
pub(crate) fn start(tasks: &mut JoinSet<()>, bus: &Bus, doors: &Doors) {
    let heard = Arc::new(AtomicI64::new(doors.clock.now().as_millisecond()));
    let life = doors.ids.hex(8);
    for spec in SubscriptionSpec::coordinator() {
        let receiver = bus.receive(
            &spec.name,
            Limits {
                max_outstanding: OUTSTANDING,
            },
        );
        let inputs = doors.inputs.clone();
        match spec.topic {
            Topic::Activity => {
                tasks.spawn(activities(
                    receiver,
                    inputs,
                    doors.sources.clone(),
                    doors.configs.clone(),
                    doors.config_holder.clone(),
                ));
            }
            Topic::Commands => {
                tasks.spawn(commands(receiver, inputs));
            }
            _ => {
                let ears = Ears {
                    life: life.clone(),
                    heard: heard.clone(),
                    clock: doors.clock.clone(),
                };
                tasks.spawn(progress(receiver, inputs, ears));
            }
        }
    }
    tasks.spawn(pulse(bus.clone(), doors.clock.clone(), life, doors.grace));
    tasks.spawn(deafness(
        doors.inputs.clone(),
        doors.clock.clone(),
        heard,
        doors.grace,
    ));
}

async fn activities(
    mut receiver: farm_bus::Receiver,
    inputs: mpsc::Sender<Input>,
    sources: Sources,
    configs: watch::Receiver<Option<FarmConfig>>,
    config_holder: Option<RepoName>,
) {
    while let Some(delivery) = receiver.next().await {
        let Some((activity, delivery)) = decode::<Activity>(delivery).await else {
            continue;
        };
        let name = activity.hint.outside_name();
        let repo = match configs.borrow().as_ref() {
            Some(config) => plan::repository_of(config, activity.hint.source(), &name)
                .map(|(repo, _)| repo.clone()),
            // Before the first configuration any hint may be about the repository that holds it.
            None => config_holder.clone(),
        };
        match repo {
            Some(repo) => sources.read_again(&repo, activity, delivery).await,
            None => {
                let input = Input {
                    facts: vec![Fact::Heard(activity)],
                    deliveries: vec![delivery],
                    ..Input::default()
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn commands(mut receiver: farm_bus::Receiver, inputs: mpsc::Sender<Input>) {
    while let Some(delivery) = receiver.next().await {
        let Some((command, delivery)) = decode::<Command>(delivery).await else {
            continue;
        };
        let input = Input {
            facts: vec![Fact::Command(command)],
            deliveries: vec![delivery],
            ..Input::default()
        };
        if inputs.send(input).await.is_err() {
            return;
        }
    }
}

async fn progress(mut receiver: farm_bus::Receiver, inputs: mpsc::Sender<Input>, ears: Ears) {
    while let Some(delivery) = receiver.next().await {
        if ears.is_own(&delivery.event) {
            delivery.ack();
            continue;
        }
        match fact_of(&delivery.event) {
            Ok(Some(fact)) => {
                let input = Input {
                    facts: vec![fact],
                    deliveries: vec![delivery],
                    ..Input::default()
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
            Ok(None) => delivery.ack(),
            Err(error) => refuse(delivery, &error).await,
        }
    }
}

/// A `progress` event as a fact; none if it is of a type that is not ours.
fn fact_of(event: &Event) -> Result<Option<Fact>, DecodeError> {
    let fact = match event.kind.as_str() {
        AttemptProgress::TYPE => Fact::Progress(event.decode()?),
        HubHeartbeat::TYPE => Fact::Heartbeat(event.decode()?),
        MachineGone::TYPE => Fact::MachineGone(event.decode()?),
        _ => return Ok(None),
    };
    Ok(Some(fact))
}

/// The message of a delivery; drops what is not ours, and moves what does not parse to the dead letters.
async fn decode<M: Message>(delivery: Delivery) -> Option<(M, Delivery)> {
    match delivery.event.decode() {
        Ok(message) => Some((message, delivery)),
        Err(DecodeError::OtherType { .. }) => {
            delivery.ack();
            None
        }
        Err(error) => {
            refuse(delivery, &error).await;
            None
        }
    }
}

/// Never to be tried again: to the dead letters, where an operator finds it.
async fn refuse(delivery: Delivery, error: &DecodeError) {
    tracing::error!(%error, "to the dead letters");
    delivery.reject(&error.to_string()).await;
}

/// Whether we hear ourselves: silence of others counts only then.
struct Ears {
    life: String,
    heard: Arc<AtomicI64>,
    clock: Clock,
}

/// The type of the coordinator's own pulse on `progress`.
const PULSE: &str = "farmhand.coordinator.pulse.v1";

impl Ears {
    fn is_own(&self, event: &Event) -> bool {
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
async fn pulse(bus: Bus, clock: Clock, life: String, grace: jiff::SignedDuration) {
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
async fn deafness(
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
