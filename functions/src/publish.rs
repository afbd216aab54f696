//! Commands on their way to the coordinator.

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

/// Why commands are not on the queue; for the log.
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
    let again = |error: &dyn Display| Unpublished::Again(error.to_string());
    let event = |command: &Command| {
        let id = format!("command:{}", command.id);
        let event = Event::of(id, publisher, now, command).map_err(|error| again(&error))?;
        Ok(event.in_trace(Some(trace)))
    };
    let events: Vec<Event> = commands.iter().map(event).collect::<Result<_, _>>()?;
    let published = timeout(PATIENCE, bus.publish_all(Command::TOPIC, &events)).await;
    let published = published.map_err(|late| again(&late))?;
    published.map_err(|error| match error.is_again() {
        true => again(&error),
        false => Unpublished::Never(error.to_string()),
    })
}
