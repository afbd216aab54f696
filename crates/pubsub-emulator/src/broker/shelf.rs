//! Messages that are kept and delivered to nobody, until a seek wants them: those that a topic
//! retains itself, and those of a snapshot.

use std::time::Duration;

use crate::clock::Moment;
use crate::filter::Filter;
use crate::names::TopicName;
use crate::proto;
use crate::seqs::{SeqMap, SeqSet};
use crate::store::catalog::SnapshotRecord;

/// Messages and when they were published.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Where further messages come from; `None` once the topic is deleted.
    pub topic: Option<TopicName>,
    filter: Option<Filter>,
    /// How long each message is kept; a snapshot goes as a whole.
    retention: Option<Duration>,
    pub kept: SeqMap<Moment>,
}

impl Shelf {
    /// What a topic retains.
    pub fn of_topic(name: &TopicName, config: &proto::Topic) -> Self {
        Self {
            topic: Some(name.clone()),
            filter: None,
            retention: super::settings::topic_retention(config),
            kept: SeqMap::default(),
        }
    }

    /// What a snapshot keeps, as far as it comes from now on.
    pub fn of_snapshot(record: &SnapshotRecord) -> Self {
        Self {
            topic: TopicName::parse(&record.config.topic).ok(),
            // It was parsed before it came into the catalog.
            filter: Filter::parse(&record.filter).unwrap_or(None),
            retention: None,
            kept: SeqMap::default(),
        }
    }

    /// Takes the settings of another.
    pub fn change(&mut self, to: Shelf) {
        self.topic = to.topic;
        self.retention = to.retention;
    }

    pub fn wants(&self, message: &proto::PubsubMessage) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter.matches(&message.attributes))
    }

    /// Takes out what is older than the retention.
    pub fn tick(&mut self, now: Moment) -> SeqSet {
        let mut dropped = SeqSet::default();
        while self.next_due().is_some_and(|due| due <= now) {
            if let Some((seq, _)) = self.kept.first() {
                self.kept.remove(seq);
                dropped.insert(seq);
            }
        }
        dropped
    }

    /// When [`Shelf::tick`] next has something to do.
    pub fn next_due(&self) -> Option<Moment> {
        let (_, born) = self.kept.first()?;
        Some(*born + self.retention?)
    }
}
