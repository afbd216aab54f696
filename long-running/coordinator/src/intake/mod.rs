//! Deliveries become facts. What does not parse goes to the dead letters; what is not ours is dropped.

mod pulse;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use farm_bus::{Bus, Delivery, Limits, Receiver, SubscriptionSpec};
use farm_core::{Fact, Refusal, plan};
use farm_model::config::FarmConfig;
use farm_model::event::{DecodeError, Event, Message, Topic};
use farm_model::id::RepoName;
use farm_model::message::activity::Activity;
use farm_model::message::command::Command;
use farm_model::message::progress::{AttemptProgress, HubHeartbeat, MachineGone, OrderProgress};
use farm_runtime::{Clock, Ids, trace};

use self::pulse::{Ears, deafness, pulse};
use crate::engine::Input;
use crate::gaps::Known;
use crate::sources::Sources;
use crate::status::Board;

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
    pub(crate) board: Board,
    /// Deliveries that need not be looked for.
    pub(crate) known: Known,
    pub(crate) grace: jiff::SignedDuration,
}

/// Starts one receiver a subscription, and the pulse.
pub(crate) fn start(tasks: &mut JoinSet<()>, bus: &Bus, doors: &Doors) {
    let heard = Arc::new(AtomicI64::new(doors.clock.now().as_millisecond()));
    let life = doors.ids.hex(8);
    for spec in SubscriptionSpec::coordinator() {
        let receiver = Listener {
            receiver: bus.receive(
                &spec.name,
                Limits {
                    max_outstanding: OUTSTANDING,
                },
            ),
            name: spec.name,
            board: doors.board.clone(),
        };
        let inputs = doors.inputs.clone();
        match spec.topic {
            Topic::Activity => {
                tasks.spawn(activities(
                    receiver,
                    inputs,
                    doors.sources.clone(),
                    doors.configs.clone(),
                    doors.config_holder.clone(),
                    doors.known.clone(),
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

/// One subscription, and the board where its lag is noted.
struct Listener {
    receiver: Receiver,
    name: String,
    board: Board,
}

impl Listener {
    async fn next(&mut self) -> Option<Delivery> {
        let delivery = self.receiver.next().await?;
        self.board.heard(&self.name, delivery.event.time);
        Some(delivery)
    }
}

async fn activities(
    mut receiver: Listener,
    inputs: mpsc::Sender<Input>,
    sources: Sources,
    configs: watch::Receiver<Option<FarmConfig>>,
    config_holder: Option<RepoName>,
    known: Known,
) {
    while let Some(delivery) = receiver.next().await {
        let refusal = refusal(&delivery.event);
        let (activity, delivery) = match decode::<Activity>(delivery).await {
            Decoded::Message(activity, delivery) => (activity, delivery),
            Decoded::Other => continue,
            Decoded::Refused => {
                let facts = vec![Fact::Refused(refusal)];
                let input = Input {
                    facts,
                    ..Input::default()
                };
                if inputs.send(input).await.is_err() {
                    return;
                }
                continue;
            }
        };
        known.note(activity.hint.source(), &activity.delivery);
        let name = activity.hint.outside_name();
        let repo = match configs.borrow().as_ref() {
            Some(config) => plan::repository_of(config, activity.hint.source(), &name)
                .map(|(repo, _)| repo.clone()),
            // Before the first configuration any hint may be about the repository that holds it.
            None => config_holder.clone(),
        };
        let unread = match repo {
            Some(repo) => sources.read_again(&repo, activity, delivery),
            None => Some((activity, delivery)),
        };
        if let Some((activity, delivery)) = unread {
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

async fn commands(mut receiver: Listener, inputs: mpsc::Sender<Input>) {
    while let Some(delivery) = receiver.next().await {
        let Decoded::Message(command, delivery) = decode::<Command>(delivery).await else {
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

async fn progress(mut receiver: Listener, inputs: mpsc::Sender<Input>, ears: Ears) {
    while let Some(delivery) = receiver.next().await {
        if ears.is_own(&delivery.event) {
            delivery.ack();
            continue;
        }
        // It says where an attempt stands: a moment of its trace.
        let _heard = delivery.event.trace().map(|parent| {
            let span = tracing::info_span!(target: trace::TARGET, "hear progress", otel.kind = "consumer", event = delivery.event.id);
            trace::under(span, Some(&parent))
        });
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
        OrderProgress::TYPE => Fact::Order(event.decode()?),
        _ => return Ok(None),
    };
    Ok(Some(fact))
}

/// What a delivery turned out to be.
enum Decoded<M> {
    Message(M, Delivery),
    /// Nothing of ours: it was dropped.
    Other,
    /// Nobody can read it: it is among the dead letters.
    Refused,
}

/// The message of a delivery; drops what is not ours, and moves what does not parse to the dead letters.
async fn decode<M: Message>(delivery: Delivery) -> Decoded<M> {
    match delivery.event.decode() {
        Ok(message) => Decoded::Message(message, delivery),
        Err(DecodeError::OtherType { .. }) => {
            delivery.ack();
            Decoded::Other
        }
        Err(error) => {
            refuse(delivery, &error).await;
            Decoded::Refused
        }
    }
}

/// The event as the ledger counts it if it is refused.
fn refusal(event: &Event) -> Refusal {
    let known = ["github", "gerrit"];
    let source = event.id.split_once(':').map(|(source, _)| source);
    let source = known.into_iter().find(|known| Some(*known) == source);
    Refusal {
        id: event.id.clone(),
        source: source.unwrap_or("other").to_owned(),
        received: event.time,
    }
}

/// Never to be tried again: to the dead letters, where an operator finds it.
async fn refuse(delivery: Delivery, error: &DecodeError) {
    tracing::error!(%error, "to the dead letters");
    delivery.reject(&error.to_string()).await;
}
