//! Where queues are. A queue's address is asked for once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::Client;

use super::trouble::{self, Trouble};

/// Addresses known so far, by name. There are as many as the farm has subscriptions.
#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<HashMap<String, String>>);

/// A queue's address is not to be had.
#[derive(Debug)]
pub(super) struct Away {
    pub(super) name: String,
    pub(super) trouble: Trouble,
}

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the queue {}: {}", self.name, self.trouble)
    }
}

impl Queues {
    fn known(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // What is inside is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn find(&self, sqs: &Client, name: String) -> Result<String, Away> {
        if let Some(url) = self.known().get(&name) {
            return Ok(url.clone());
        }
        match url_of(sqs, &name).await {
            Ok(url) => {
                self.known().insert(name, url.clone());
                Ok(url)
            }
            Err(trouble) => Err(Away { name, trouble }),
        }
    }

    /// A queue that turned out not to be there any more.
    pub(super) fn forget(&self, url: &str) {
        self.known().retain(|_, known| known != url);
    }
}

/// Asks for the address of the queue `name`.
pub(super) async fn url_of(sqs: &Client, name: &str) -> Result<String, Trouble> {
    let found = sqs.get_queue_url().queue_name(name).send().await;
    let found = found.map_err(|error| trouble::sorted(&error))?;
    let missing = || Trouble::Missing("it has no address".to_owned());
    found.queue_url.ok_or_else(missing)
}
