//! Topics and queues as they should be: made for a stand-in, looked for on the service, where they are Terraform's.

use std::time::Duration;

use farm_model::event::Topic;
use tokio::time::{Instant, sleep, timeout_at};

use super::made::Maker;
use super::queues::url_of;
use super::trouble::{self, Trouble};
use super::{Aws, PATIENCE, SERVICE};
use crate::error::BusError;
use crate::pause::Pause;
use crate::subscription::SubscriptionSpec;
use crate::url::Ensure;
use aws_sdk_sqs::types::QueueAttributeName;

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Why one pass over everything did not succeed.
pub(super) enum Failed {
    /// The server is not up, or busy.
    Passing(String),
    Final(BusError),
}

pub(super) async fn ensure(queue: &Aws, specs: &[SubscriptionSpec]) -> Result<(), BusError> {
    let plain = queue
        .place
        .endpoint
        .as_ref()
        .is_some_and(|e| e.plain.is_some());
    let ensure = match queue.place.ensure {
        Some(ensure) => ensure,
        None if plain => Ensure::Make,
        None => Ensure::Verify,
    };
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Pause::new(FIRST_PAUSE, LONGEST_PAUSE);
    let mut last = "it takes connections and does not answer".to_owned();
    while Instant::now() < deadline {
        match timeout_at(deadline, pass(queue, ensure, specs)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(Failed::Final(error))) => return Err(error),
            Ok(Err(Failed::Passing(error))) => last = error,
            Err(_) => break,
        }
        sleep(pause.grow()).await;
    }
    let endpoint = queue.place.endpoint.as_ref().map(|e| e.url.clone());
    Err(BusError::Unreachable {
        service: SERVICE,
        endpoint: endpoint.unwrap_or_else(|| queue.place.region.clone()),
        waited: PATIENCE,
        error: last,
    })
}

async fn pass(queue: &Aws, ensure: Ensure, specs: &[SubscriptionSpec]) -> Result<(), Failed> {
    match ensure {
        Ensure::Make => make(queue, specs).await,
        Ensure::Verify => {
            for spec in specs {
                verify(queue, spec).await?;
            }
            Ok(())
        }
    }
}

/// Topics first: a queue is subscribed to its own. Work has none.
async fn make(queue: &Aws, specs: &[SubscriptionSpec]) -> Result<(), Failed> {
    let maker = Maker::new(queue).await;
    for topic in Topic::ALL.into_iter().filter(|topic| *topic != Topic::Work) {
        maker.topic(topic).await?;
    }
    for spec in specs {
        check(spec)?;
        maker.subscription(spec).await?;
    }
    Ok(())
}

/// What a queue of SQS cannot be.
fn check(spec: &SubscriptionSpec) -> Result<(), Failed> {
    let refused = |error: &str| {
        Failed::Final(BusError::Refused {
            service: SERVICE,
            what: format!("the subscription {}", spec.name),
            error: error.to_owned(),
        })
    };
    if spec.push.is_some() {
        return Err(refused(
            "SQS pushes nothing: a Lambda function's event source mapping reads the queue",
        ));
    }
    let own = spec.hub.as_ref().map(SubscriptionSpec::hub);
    if spec.topic == Topic::Work && own.is_none_or(|own| own.name != spec.name) {
        return Err(refused(
            "work goes to the queue of the hub that it names, work-HUB, and to no other",
        ));
    }
    Ok(())
}

/// Whether the queue is there and has dead letters, as far as we may ask.
async fn verify(queue: &Aws, spec: &SubscriptionSpec) -> Result<(), Failed> {
    let name = queue.names.queue(&spec.name);
    match redrive(queue, &name).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(not_made(
            &name,
            "it has no redrive policy, so no dead letters",
        )),
        Err(Trouble::Missing(_)) => Err(not_made(&name, "it is not there")),
        Err(trouble) if trouble.is_denied() => {
            tracing::debug!(name, %trouble, "may not be looked at");
            Ok(())
        }
        Err(trouble) => Err(failed(trouble, format!("a look at the queue {name}"))),
    }
}

async fn redrive(queue: &Aws, name: &str) -> Result<Option<String>, Trouble> {
    let sqs = &queue.clients().await.sqs;
    let url = url_of(sqs, name).await?;
    let asked = sqs.get_queue_attributes().queue_url(url);
    let found = asked
        .attribute_names(QueueAttributeName::RedrivePolicy)
        .send()
        .await;
    let found = found.map_err(|error| trouble::sorted(&error))?;
    let mut attributes = found.attributes.unwrap_or_default();
    Ok(attributes.remove(&QueueAttributeName::RedrivePolicy))
}

fn not_made(name: &str, error: &str) -> Failed {
    Failed::Final(BusError::NotMade {
        what: format!("the queue {name}"),
        error: error.to_owned(),
    })
}

/// `trouble` with `what`, as the reason why a pass did not succeed.
pub(super) fn failed(trouble: Trouble, what: String) -> Failed {
    match trouble {
        Trouble::Passing(text) => Failed::Passing(text),
        trouble => Failed::Final(BusError::Refused {
            service: SERVICE,
            what,
            error: trouble.to_string(),
        }),
    }
}
