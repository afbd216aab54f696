//! Push delivery: messages posted to an endpoint, its answer taken as the acknowledgement.
//!
//! Reference: <https://cloud.google.com/pubsub/docs/push>.

mod client;
mod request;
mod token;
mod worker;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
use crate::proto::Subscription;
use crate::proto::push_config::{AuthenticationMethod, Wrapper};
use crate::store::catalog::SubscriptionId;
pub(crate) use client::{Client, client};
use token::Identity;
pub(crate) use token::{CERTS, Signer};

/// Where and how a subscription pushes. A change of it makes another worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PushTarget {
    subscription: String,
    endpoint: String,
    form: Form,
    /// Whose token goes with each post, if any.
    identity: Option<Identity>,
    /// How long the endpoint may take.
    deadline: Duration,
}

/// What is posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// JSON with the message in it.
    Wrapped,
    /// The message's data alone; with its attributes and metadata as headers or without.
    Bare { metadata: bool },
}

impl PushTarget {
    pub fn new(config: &Subscription, endpoint: &str, deadline: Duration) -> Self {
        let push = config.push_config.as_ref();
        let wrapper = push.and_then(|push| push.wrapper);
        let form = match wrapper {
            Some(Wrapper::NoWrapper(bare)) => Form::Bare {
                metadata: bare.write_metadata,
            },
            Some(Wrapper::PubsubWrapper(_)) | None => Form::Wrapped,
        };
        let asked = push.and_then(|push| push.authentication_method.as_ref());
        let identity = asked.map(|AuthenticationMethod::OidcToken(token)| Identity {
            email: token.service_account_email.clone(),
            audience: match token.audience.as_str() {
                "" => endpoint.to_owned(),
                audience => audience.to_owned(),
            },
        });
        Self {
            subscription: config.name.clone(),
            endpoint: endpoint.to_owned(),
            form,
            identity,
            deadline,
        }
    }
}

/// Keeps one worker running for each push subscription, until the broker closes.
pub(crate) async fn run(broker: Arc<Broker>, client: Client, concurrency: usize) {
    let mut workers = Workers {
        broker: Arc::clone(&broker),
        client,
        concurrency,
        tasks: JoinSet::new(),
        running: HashMap::new(),
    };
    loop {
        workers.reconcile();
        tokio::select! {
            () = broker.closing().cancelled() => return,
            () = broker.changed() => {}
            Some(ended) = workers.tasks.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a push worker has failed");
                }
            }
        }
    }
}

struct Workers {
    broker: Arc<Broker>,
    client: Client,
    concurrency: usize,
    tasks: JoinSet<()>,
    running: HashMap<SubscriptionId, (PushTarget, CancellationToken)>,
}

impl Workers {
    /// Stops the workers whose target is gone or changed, and starts those that are missing.
    fn reconcile(&mut self) {
        let wanted: HashMap<_, _> = self.broker.push_targets().into_iter().collect();
        self.running.retain(|id, (target, stop)| {
            let keep = wanted.get(id) == Some(target);
            if !keep {
                stop.cancel();
            }
            keep
        });
        for (id, target) in wanted {
            if let Entry::Vacant(vacant) = self.running.entry(id) {
                let stop = CancellationToken::new();
                vacant.insert((target.clone(), stop.clone()));
                let (broker, client) = (Arc::clone(&self.broker), self.client.clone());
                let worker = worker::run(broker, client, target, self.concurrency, stop);
                self.tasks.spawn(worker);
            }
        }
    }
}
