//! Where an attempt writes down what it does: its log, its course, and the news of its steps.

use farm_model::event::Event;
use farm_model::message::progress::AttemptEvent;
use tokio::sync::mpsc;

use super::course::Course;
use super::log::Log;
use super::{Bad, End};
use crate::progress::Voice;
use crate::text::{one_line, words};

/// Of a step's end in the log, in characters.
const STATE: usize = 200;

/// Steps go through here, one after the other.
pub struct Desk<'a> {
    /// For people.
    pub log: &'a mut Log,
    /// For the report.
    pub course: &'a mut Course,
    voice: &'a Voice,
    news: mpsc::Sender<Event>,
    /// Steps that were begun.
    begun: u32,
}

impl<'a> Desk<'a> {
    /// Before the first step. What does not fit into `news` is not told: the report says it all.
    pub fn new(
        log: &'a mut Log,
        course: &'a mut Course,
        voice: &'a Voice,
        news: mpsc::Sender<Event>,
    ) -> Self {
        Self {
            log,
            course,
            voice,
            news,
            begun: 0,
        }
    }

    /// A step of the recipe begins.
    pub async fn begin(&mut self, name: &str) {
        self.announce(name);
        self.log.line(&format!("[farm] step {name}")).await;
        self.course.begin(name);
    }

    /// One begins that is never the code's fault.
    pub async fn begin_ours(&mut self, name: &str) {
        self.announce(name);
        self.course.begin_ours(name);
    }

    /// The step has ended.
    pub async fn end(&mut self, name: &str, state: &str) {
        let took = words(self.course.end(state));
        let state = one_line(state, STATE);
        self.log
            .line(&format!("[farm] step {name}: {state} after {took}"))
            .await;
    }

    /// One of ours has ended so.
    pub async fn end_ours(&mut self, name: &str, end: End) -> End {
        let state = match &end {
            Ok(()) => "ok".to_owned(),
            Err(Bad::Failed(why)) => why.clone(),
            Err(Bad::Lost(why)) => format!("lost: {why}"),
        };
        self.end(name, &state).await;
        end
    }

    fn announce(&mut self, name: &str) {
        let started = AttemptEvent::StepStarted {
            step: self.begun,
            name: name.to_owned(),
        };
        self.begun += 1;
        match self.voice.event(started) {
            // A full queue: the bus is slow, and the report will say it all.
            Ok(event) => drop(self.news.try_send(event)),
            Err(error) => tracing::error!(%error, "cannot tell of a step"),
        }
    }
}
