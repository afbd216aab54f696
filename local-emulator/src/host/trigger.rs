//! What calls a function that nobody calls: events of a topic, pushed to it, and the time.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use functions::manifest::{Function, Manifest, Tick};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use farm_bus::{PushTarget, SubscriptionSpec};

/// On the requests that the time makes: how many there have been.
pub(super) const TICK: &str = "x-farm-tick";

/// Triggers of all functions.
#[derive(Debug)]
pub(crate) struct Triggers {
    at: SocketAddr,
    pushes: Vec<SubscriptionSpec>,
    ticks: Vec<Tick>,
}

impl Triggers {
    /// Those of `manifest`, for functions that are served at `at`.
    pub(crate) fn new(manifest: &Manifest, at: SocketAddr) -> Self {
        let of_each = manifest.iter();
        let pushes = of_each.flat_map(|(name, function)| pushes(name, function, at));
        let ticks = manifest.values().flat_map(|function| &function.ticks);
        Self {
            at,
            pushes: pushes.collect(),
            ticks: ticks.cloned().collect(),
        }
    }

    /// The subscriptions that push, to be made.
    pub(crate) fn subscriptions(&self) -> &[SubscriptionSpec] {
        &self.pushes
    }

    /// Calls each function when it is time, until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.context("cannot make an HTTP client")?;
        let mut ticking = JoinSet::new();
        for tick in self.ticks {
            let url = format!("http://{}{}", self.at, tick.path);
            ticking.spawn(beat(client.clone(), url, tick.every_seconds));
        }
        shutdown.cancelled().await;
        ticking.shutdown().await;
        Ok(())
    }
}

fn pushes(name: &str, function: &Function, at: SocketAddr) -> Vec<SubscriptionSpec> {
    let push = |push: &functions::manifest::Push| SubscriptionSpec {
        push: Some(PushTarget {
            url: format!("http://{at}{}", push.path),
        }),
        ack_deadline_seconds: function.timeout_seconds.max(10),
        // What a function reaches may be away for longer than what a consumer of ours needs.
        max_delivery_attempts: 100,
        ..SubscriptionSpec::new(&format!("{}-{name}", push.topic.name()), push.topic)
    };
    function.pushes.iter().map(push).collect()
}

/// Posts to `url` every so many seconds. What fails is not repeated: the next beat comes.
async fn beat(client: reqwest::Client, url: String, every_seconds: u32) {
    let every = Duration::from_secs(u64::from(every_seconds.max(1)));
    let mut beats = tokio::time::interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 1_u64.. {
        beats.tick().await;
        let post = client.post(&url).header(TICK, count).timeout(every);
        match post.send().await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => tracing::warn!(url, status = %answer.status(), "a tick was refused"),
            Err(error) => tracing::warn!(url, %error, "a tick did not get through"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::post;
    use tokio::net::TcpListener;
    use tokio::sync::Mutex;

    use super::*;

    const MANIFEST: &str = r#"{ "report": {
        "routes": [{ "method": "POST", "path": "/report" }, { "method": "POST", "path": "/sweep" }],
        "pushes": [{ "topic": "results", "path": "/report" }],
        "ticks": [{ "path": "/sweep", "every_seconds": 1 }],
        "memory_mib": 256, "timeout_seconds": 25, "concurrency": { "per_instance": 1, "reserved": 0 },
        "settings": [], "secrets": [], "optional_secrets": [],
        "rights": { "publish": [], "write": [], "read": [] }
    } }"#;

    #[test]
    fn a_topic_is_pushed_to_where_the_functions_are() {
        let manifest = serde_json::from_str(MANIFEST).unwrap();
        let triggers = Triggers::new(&manifest, ([127, 0, 0, 1], 8080).into());
        let [push] = triggers.subscriptions() else {
            panic!("{triggers:?}")
        };
        assert_eq!(
            (push.name.as_str(), push.ack_deadline_seconds),
            ("results-report", 25)
        );
        let url = push.push.as_ref().map(|push| push.url.as_str());
        assert_eq!(url, Some("http://127.0.0.1:8080/report"));
    }

    #[tokio::test]
    async fn the_time_calls_again_and_again() {
        let _tls_is_ready = farm_harness::client();
        let (told, mut heard) = tokio::sync::mpsc::channel(2);
        let told = Arc::new(Mutex::new(told));
        let sweep = move |headers: HeaderMap| {
            let told = Arc::clone(&told);
            async move { told.lock().await.send(headers[TICK].clone()).await.unwrap() }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let manifest = serde_json::from_str(MANIFEST).unwrap();
        let triggers = Triggers::new(&manifest, listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        let router = Router::new().route("/sweep", post(sweep));
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        tasks.spawn(async move { triggers.run(CancellationToken::new()).await.unwrap() });
        assert_eq!(heard.recv().await.unwrap(), "1");
        assert_eq!(heard.recv().await.unwrap(), "2");
    }
}
