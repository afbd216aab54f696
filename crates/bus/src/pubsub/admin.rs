//! Making what is missing: topics, subscriptions, dead letters. For emulators; on the service this is Terraform's.

use std::time::Duration;

use farm_model::event::{HUB_EXTENSION, Topic};
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::client::{SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::model::push_config::NoWrapper;
use google_cloud_pubsub::model::{
    DeadLetterPolicy, ExpirationPolicy, PushConfig, RetryPolicy, Subscription,
};
use google_cloud_wkt::FieldMask;
use tokio::time::{Instant, sleep, timeout_at};

use super::{PubSub, SERVICE, trouble};
use crate::error::BusError;
use crate::pause::Pause;
use crate::subscription::SubscriptionSpec;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Pauses before what was given back comes again.
const RETRY_FIRST: i64 = 1;
const RETRY_LONGEST: i64 = 60;
/// What of a subscription may be changed in place.
const CHANGEABLE: [&str; 4] = [
    "push_config",
    "ack_deadline_seconds",
    "dead_letter_policy",
    "retry_policy",
];

/// Why one pass over everything did not succeed.
enum Trouble {
    /// The server is not up, or busy.
    Passing(String),
    Final(BusError),
}

pub(super) async fn ensure(queue: &PubSub, specs: &[SubscriptionSpec]) -> Result<(), BusError> {
    let plain = queue
        .endpoint
        .as_ref()
        .filter(|endpoint| endpoint.plain.is_some());
    let Some(endpoint) = plain else {
        tracing::debug!("topics and subscriptions of the service are Terraform's: nothing is made");
        return Ok(());
    };
    let admin = Admin::open(queue).await?;
    let deadline = Instant::now() + queue.patience;
    let mut pause = Pause::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut last = "it takes connections and does not answer".to_owned();
    while Instant::now() < deadline {
        match timeout_at(deadline, admin.pass(specs)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Trouble::Final(error))) => return Err(error),
            Ok(Err(Trouble::Passing(error))) => last = error,
            Err(_) => break,
        }
        sleep(pause.grow()).await;
    }
    Err(BusError::Unreachable {
        service: SERVICE,
        endpoint: endpoint.url.clone(),
        waited: queue.patience,
        error: last,
    })
}

struct Admin<'a> {
    queue: &'a PubSub,
    topics: TopicAdmin,
    subscriptions: SubscriptionAdmin,
}

impl<'a> Admin<'a> {
    async fn open(queue: &'a PubSub) -> Result<Self, BusError> {
        let failed = |error: google_cloud_gax::client_builder::Error| BusError::Client {
            service: SERVICE,
            error: error.to_string(),
        };
        Ok(Self {
            queue,
            topics: queue.topics().await.map_err(failed)?,
            subscriptions: queue.subscriptions().await.map_err(failed)?,
        })
    }

    /// Topics first: a subscription needs its own and its dead letters'.
    async fn pass(&self, specs: &[SubscriptionSpec]) -> Result<(), Trouble> {
        for topic in Topic::ALL {
            self.topic(topic.name()).await?;
        }
        for spec in specs {
            let dead = SubscriptionSpec::dead(&spec.name);
            self.topic(&dead).await?;
            self.subscription(self.dead_letters(&dead)).await?;
            self.subscription(self.wanted(spec)).await?;
        }
        Ok(())
    }

    async fn topic(&self, name: &str) -> Result<(), Trouble> {
        let path = self.queue.topic_path(name);
        let made = self.topics.create_topic().set_name(&path).send().await;
        match made {
            Ok(_) => Ok(()),
            Err(error) if exists(&error) => Ok(()),
            Err(error) => Err(sorted(&error, format!("the topic {path}"))),
        }
    }

    async fn subscription(&self, wanted: Subscription) -> Result<(), Trouble> {
        let request = self.subscriptions.create_subscription();
        match request.with_request(wanted.clone()).send().await {
            Ok(_) => Ok(()),
            Err(error) if exists(&error) => self.adapt(wanted).await,
            Err(error) => Err(sorted(&error, format!("the subscription {}", wanted.name))),
        }
    }

    /// Brings a subscription that exists up to what is wanted.
    async fn adapt(&self, wanted: Subscription) -> Result<(), Trouble> {
        let what = format!("the subscription {}", wanted.name);
        let request = self.subscriptions.get_subscription();
        let found = request.set_subscription(&wanted.name).send().await;
        let found = found.map_err(|error| sorted(&error, what.clone()))?;
        differs(&found, &wanted).map_err(Trouble::Final)?;
        if same(&found, &wanted) {
            return Ok(());
        }
        let mask = FieldMask::default().set_paths(CHANGEABLE);
        let request = self.subscriptions.update_subscription();
        let request = request.set_subscription(wanted).set_update_mask(mask);
        let changed = request.send().await;
        changed.map(drop).map_err(|error| sorted(&error, what))
    }

    fn wanted(&self, spec: &SubscriptionSpec) -> Subscription {
        let dead = self.queue.topic_path(&SubscriptionSpec::dead(&spec.name));
        let dead = DeadLetterPolicy::new()
            .set_dead_letter_topic(dead)
            .set_max_delivery_attempts(bounded(spec.max_delivery_attempts, 5, 100));
        let retry = RetryPolicy::new()
            .set_minimum_backoff(google_cloud_wkt::Duration::clamp(RETRY_FIRST, 0))
            .set_maximum_backoff(google_cloud_wkt::Duration::clamp(RETRY_LONGEST, 0));
        let wanted = Subscription::new()
            .set_name(self.queue.subscription_path(&spec.name))
            .set_topic(self.queue.topic_path(spec.topic.name()))
            .set_ack_deadline_seconds(bounded(spec.ack_deadline_seconds, 10, 600))
            .set_dead_letter_policy(dead)
            .set_retry_policy(retry)
            // Never: by default a subscription that is not used for a month is deleted, with what it holds.
            .set_expiration_policy(ExpirationPolicy::new());
        let wanted = match &spec.hub {
            Some(hub) => {
                wanted.set_filter(format!("attributes.\"ce-{HUB_EXTENSION}\" = \"{hub}\""))
            }
            None => wanted,
        };
        match &spec.push {
            Some(target) => wanted.set_push_config(push(&target.url)),
            None => wanted,
        }
    }

    /// Keeps what is sent to a dead-letter topic; without a subscription it would be dropped there.
    fn dead_letters(&self, name: &str) -> Subscription {
        Subscription::new()
            .set_name(self.queue.subscription_path(name))
            .set_topic(self.queue.topic_path(name))
            .set_ack_deadline_seconds(20)
            .set_expiration_policy(ExpirationPolicy::new())
    }
}

/// A push that is an ordinary CloudEvent in binary mode.
fn push(url: &str) -> PushConfig {
    PushConfig::new()
        .set_push_endpoint(url)
        .set_no_wrapper(NoWrapper::new().set_write_metadata(true))
}

fn bounded(value: u32, least: i32, most: i32) -> i32 {
    i32::try_from(value).unwrap_or(most).clamp(least, most)
}

/// Topic and filter cannot be changed.
fn differs(found: &Subscription, wanted: &Subscription) -> Result<(), BusError> {
    let pairs = [
        ("topic", &found.topic, &wanted.topic),
        ("filter", &found.filter, &wanted.filter),
    ];
    match pairs.into_iter().find(|(_, found, wanted)| found != wanted) {
        None => Ok(()),
        Some((what, found, should)) => Err(BusError::Differs {
            subscription: wanted.name.clone(),
            what,
            found: found.clone(),
            wanted: should.clone(),
        }),
    }
}

fn same(found: &Subscription, wanted: &Subscription) -> bool {
    let push = |of: &Subscription| {
        of.push_config
            .as_ref()
            .map(|push| push.push_endpoint.clone())
    };
    let push = |of: &Subscription| push(of).filter(|url| !url.is_empty());
    push(found) == push(wanted)
        && found.ack_deadline_seconds == wanted.ack_deadline_seconds
        && found.dead_letter_policy == wanted.dead_letter_policy
        && found.retry_policy == wanted.retry_policy
}

fn exists(error: &Error) -> bool {
    trouble::is(error, Code::AlreadyExists, 409)
}

fn sorted(error: &Error, what: String) -> Trouble {
    if trouble::is_passing(error) {
        Trouble::Passing(error.to_string())
    } else {
        Trouble::Final(BusError::Refused {
            service: SERVICE,
            what,
            error: error.to_string(),
        })
    }
}
