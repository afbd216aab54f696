//! A subscription at work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::settings;
use super::state::PULLS;
use crate::clock::Moment;
use crate::filter::Filter;
use crate::lease::{Arrival, Flow, Hold, Leases};
use crate::names::SubscriptionName;
use crate::proto;
use crate::refusal::Refusal;
use crate::seqs::Seq;
use crate::stats::SubscriptionStats;

/// What consumers wait for.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// Something may have become ready.
    pub arrivals: Notify,
    /// A consumer that was full may have room again.
    pub room: Notify,
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub name: SubscriptionName,
    pub config: proto::Subscription,
    filter: Option<Filter>,
    pub leases: Leases,
    pub signals: Arc<Signals>,
    /// Messages came since the last [`Subscription::announce`].
    news: bool,
    /// Cancelled when its consumers must go: deleted, detached, or changed between pull and push.
    pub end: CancellationToken,
    pub dead_lettered: u64,
    /// Streams that are open: with one, it does not expire.
    pub streams: usize,
    /// When something was last done with it.
    active: Moment,
}

impl Subscription {
    /// Without messages, and active now.
    pub fn new(
        name: &SubscriptionName,
        config: &proto::Subscription,
        topic_retention: Option<Duration>,
        first_token: u64,
        now: Moment,
    ) -> Self {
        let policy = settings::policy(config, topic_retention);
        let mut leases = Leases::new(policy, first_token);
        let pulls = Flow {
            max_messages: usize::MAX,
            max_bytes: u64::MAX,
            lease: settings::ack_deadline(config),
            one_a_key: false,
        };
        leases.open(PULLS, pulls);
        Self {
            name: name.clone(),
            config: config.clone(),
            // It was parsed before it came into the catalog.
            filter: Filter::parse(&config.filter).unwrap_or(None),
            leases,
            signals: Arc::default(),
            news: false,
            end: CancellationToken::new(),
            dead_lettered: 0,
            streams: 0,
            active: now,
        }
    }

    /// Takes other settings. Returns the messages that it does not retain any more.
    pub fn change(
        &mut self,
        config: &proto::Subscription,
        topic_retention: Option<Duration>,
        now: Moment,
    ) -> Vec<Seq> {
        if self.config != *config {
            self.touch(now);
        }
        if settings::push_endpoint(&self.config) != settings::push_endpoint(config) {
            self.end.cancel();
            self.end = CancellationToken::new();
        }
        self.leases.set_lease(PULLS, settings::ack_deadline(config));
        self.config = config.clone();
        let policy = settings::policy(config, topic_retention);
        self.leases.set_policy(policy)
    }

    pub fn wants(&self, message: &proto::PubsubMessage) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter.matches(&message.attributes))
    }

    /// Whether nothing of a message itself is needed to take it in.
    pub fn takes_unseen(&self) -> bool {
        self.filter.is_none() && !self.config.enable_message_ordering
    }

    /// A new message enters. True if it is the first one that is not announced.
    pub fn admit(&mut self, seq: Seq, ordering_key: &str, size: u32, born: Moment) -> bool {
        let key = Some(ordering_key).filter(|key| !key.is_empty());
        let arrival = Arrival {
            seq,
            key,
            size,
            born,
        };
        self.leases.insert(&arrival, Hold::Open { failures: 0 });
        !std::mem::replace(&mut self.news, true)
    }

    /// Tells those who wait that messages have come.
    pub fn announce(&mut self) {
        self.news = false;
        self.wake();
    }

    /// Wakes one who waits; whoever takes something wakes the next. With ordering what is ready may
    /// be for one consumer alone, so all of them look.
    pub fn wake(&self) {
        if self.config.enable_message_ordering {
            self.signals.arrivals.notify_waiters();
        } else {
            self.signals.arrivals.notify_one();
        }
    }

    /// A consumer has taken something: wakes the next if there is more.
    pub fn wake_next(&self) {
        if !self.config.enable_message_ordering && self.leases.has_ready() {
            self.signals.arrivals.notify_one();
        }
    }

    /// The lease length of a consumer that asked for none of its own.
    pub fn ack_deadline(&self) -> Duration {
        settings::ack_deadline(&self.config)
    }

    /// Refuses what a detached subscription cannot do.
    pub fn check_attached(&self) -> Result<(), Refusal> {
        if self.config.detached {
            return Err(detached());
        }
        Ok(())
    }

    /// Something was done with it.
    pub fn touch(&mut self, now: Moment) {
        self.active = now;
    }

    /// When it is deleted if nothing more is done with it. `None` while a stream is open, or where
    /// the policy says never.
    pub fn expires(&self) -> Option<Moment> {
        let ttl = self.config.expiration_policy.as_ref()?.ttl?;
        let idle = self.streams == 0;
        idle.then(|| self.active + settings::length(&ttl))
    }

    pub fn stats(&self, now: Moment) -> SubscriptionStats {
        SubscriptionStats {
            name: self.name.as_str().to_owned(),
            topic: self.config.topic.clone(),
            backlog: self.leases.len(),
            leased: self.leases.leased(),
            bytes: self.leases.bytes(),
            oldest_unacked: self.leases.oldest().map(|born| now.since(born)),
            dead_lettered: self.dead_lettered,
        }
    }
}

pub(super) fn detached() -> Refusal {
    Refusal::precondition("The subscription is detached from its topic.")
}
