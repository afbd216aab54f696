//! Events on their way to the coordinator.

use std::fmt::Display;
use std::time::Duration;

use farm_bus::Bus;
use farm_model::Timestamp;
use farm_model::event::{Event, Message};
use farm_model::message::command::Command;
use farm_model::trace::TraceParent;
use tokio::time::timeout;

/// How long publishing may take: platforms end a request at 30 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why events are not on the queue; for the log.
#[derive(Debug)]
pub(crate) enum Unpublished {
    /// The same again is safe.
    Again(String),
    /// They are not ones that a queue takes.
    Never(String),
}

/// Puts commands on the queue, in the name of the function `publisher`; returns once they are there.
pub(crate) async fn commands(
    bus: &Bus,
    publisher: &str,
    commands: &[Command],
    trace: &TraceParent,
    now: Timestamp,
) -> Result<(), Unpublished> {
    let named = commands.iter();
    let named = named.map(|command| (format!("command:{}", command.id), command));
    let named: Vec<_> = named.collect();
    messages(bus, publisher, &named, Some(trace), now).await
}

/// The same for any messages of one kind, each with its event's id.
pub(crate) async fn messages<M: Message>(
    bus: &Bus,
    publisher: &str,
    messages: &[(String, &M)],
    trace: Option<&TraceParent>,
    now: Timestamp,
) -> Result<(), Unpublished> {
    let again = |error: &dyn Display| Unpublished::Again(error.to_string());
    let event = |(id, message): &(String, &M)| {
        let event = Event::of(id.clone(), publisher, now, *message);
        Ok(event.map_err(|error| again(&error))?.in_trace(trace))
    };
    let events: Vec<Event> = messages.iter().map(event).collect::<Result<_, _>>()?;
    let published = timeout(PATIENCE, bus.publish_all(M::TOPIC, &events)).await;
    let published = published.map_err(|late| again(&late))?;
    published.map_err(|error| match error.is_again() {
        true => again(&error),
        false => Unpublished::Never(error.to_string()),
    })
}
