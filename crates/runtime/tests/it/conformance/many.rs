use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use farm_runtime::event::CloudEvent;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Served;
use crate::PATIENCE;

/// As many as Cloud Run gives to one instance.
const AT_ONCE: usize = 1000;

/// Each is a file here twice: both ends are in this process.
fn room_for_files() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let needed = AT_ONCE as u64 * 2 + 100;
    assert!(most >= needed, "needs ulimit -Hn {needed}");
}

/// Nobody is answered before all are there: one at a time would never end.
#[tokio::test]
async fn one_instance_answers_a_thousand_requests_at_once() {
    room_for_files();
    let all = Arc::new(Barrier::new(AT_ONCE));
    let (here, there) = (Arc::clone(&all), all);
    let waits = async move |body: String| {
        here.wait().await;
        body
    };
    let waits_too = async move |CloudEvent(event): CloudEvent| {
        there.wait().await;
        event.id
    };
    let functions = Router::new()
        .route("/http", post(waits))
        .route("/event", post(waits_too));
    let served = Served::new(functions).await;
    for path in ["/http", "/event"] {
        let mut asking = JoinSet::new();
        for number in 0..AT_ONCE {
            let event = json!({ "specversion": "1.0", "id": number.to_string(), "source": "/s", "type": "t" });
            let (kind, body) = match path {
                "/http" => ("text/plain", number.to_string()),
                _ => ("application/cloudevents+json", event.to_string()),
            };
            let request = served
                .client
                .post(served.url(path))
                .header("content-type", kind)
                .body(body);
            asking.spawn(async move {
                let answer = request.send().await.unwrap();
                assert_eq!(answer.text().await.unwrap(), number.to_string());
            });
        }
        let answered = timeout(PATIENCE, asking.join_all()).await.unwrap();
        assert_eq!(answered.len(), AT_ONCE);
    }
}
