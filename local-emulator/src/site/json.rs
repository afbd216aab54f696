//! The numbers, for programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Site;
use super::overview::Known;

#[derive(Serialize)]
pub(super) struct Status {
    topics: Vec<Topic>,
    subscriptions: Vec<Subscription>,
    backlog_bytes: u64,
    disk_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    functions: Option<Functions>,
}

#[derive(Serialize)]
struct Topic {
    name: String,
    subscriptions: Vec<String>,
    dead_letters_of: Vec<String>,
}

#[derive(Serialize)]
struct Subscription {
    name: String,
    topic: String,
    backlog: usize,
    leased: usize,
    bytes: u64,
    oldest_unacked_seconds: Option<f64>,
    dead_lettered: u64,
    push_endpoint: Option<String>,
    dead_letter_topic: Option<String>,
}

#[derive(Serialize)]
struct Functions {
    process: Option<u32>,
    starts: u64,
    swaps: u64,
    trouble: Option<String>,
    calls: BTreeMap<String, Calls>,
}

#[derive(Serialize)]
struct Calls {
    calls: u64,
    failed: u64,
    handed_on: u64,
}

/// `GET /status.json`.
pub(super) async fn status(State(site): State<Arc<Site>>) -> Json<Status> {
    let known = Known::of(&site);
    let subscriptions = known.stats.subscriptions.iter().map(|one| {
        let settings = known.settings(&one.name);
        Subscription {
            name: one.name.clone(),
            topic: one.topic.clone(),
            backlog: one.backlog,
            leased: one.leased,
            bytes: one.bytes,
            oldest_unacked_seconds: one.oldest_unacked.map(|age| age.as_secs_f64()),
            dead_lettered: one.dead_lettered,
            push_endpoint: settings.and_then(|s| s.push_endpoint.clone()),
            dead_letter_topic: settings.and_then(|s| s.dead_letter_topic.clone()),
        }
    });
    let topics = known.topics.iter().map(|topic| Topic {
        name: topic.name.clone(),
        subscriptions: topic.subscriptions.clone(),
        dead_letters_of: topic.dead_letters_of.clone(),
    });
    Json(Status {
        topics: topics.collect(),
        subscriptions: subscriptions.collect(),
        backlog_bytes: known.stats.backlog_bytes,
        disk_bytes: known.stats.disk_bytes,
        functions: site.host.as_ref().map(functions),
    })
}

fn functions(host: &crate::host::Host) -> Functions {
    let life = host.life();
    let calls = host.tallies().into_iter().map(|(name, tally)| {
        let calls = Calls {
            calls: tally.calls,
            failed: tally.failed,
            handed_on: tally.handed_on,
        };
        (name, calls)
    });
    Functions {
        process: life.process,
        starts: life.starts,
        swaps: life.swaps,
        trouble: life.trouble.map(|(_, text)| text),
        calls: calls.collect(),
    }
}
