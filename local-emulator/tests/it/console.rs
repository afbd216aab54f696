//! The console over HTTP, without a browser.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use farm_harness::{Process, client, until};
use reqwest::header;
use serde_json::{Value, json};

use crate::emulator;

const PROJECT: &str = "projects/demo";

/// An emulator with a console, and clients for both.
struct Shown {
    _process: Process,
    api: String,
    console: String,
    http: reqwest::Client,
}

impl Shown {
    async fn start(folder: &Path) -> Self {
        let args = ["--memory", "--port=0", "--console=0"];
        let (process, address) = emulator::running(folder, &args).await;
        let output = process.output();
        let console = output.split("console at ").nth(1).unwrap();
        let console = console.split_whitespace().next().unwrap();
        Self {
            console: console.trim_end_matches('/').to_owned(),
            api: format!("http://{address}/v1"),
            http: client(),
            _process: process,
        }
    }

    async fn put(&self, name: &str, body: Value) {
        let put = self.http.put(format!("{}/{PROJECT}/{name}", self.api));
        assert_eq!(
            put.json(&body).send().await.unwrap().status(),
            200,
            "{name}"
        );
    }

    async fn post(&self, name: &str, body: Value) -> Value {
        let post = self.http.post(format!("{}/{PROJECT}/{name}", self.api));
        post.json(&body).send().await.unwrap().json().await.unwrap()
    }

    async fn publish(&self, topic: &str, text: &str) {
        let data = STANDARD.encode(text);
        let message = json!({ "data": data, "attributes": { "kind": "<b>bold</b>" } });
        let body = json!({ "messages": [message] });
        self.post(&format!("topics/{topic}:publish"), body).await;
    }

    /// Fails the one message of `work` until it is a dead letter.
    async fn bury(&self) {
        for _ in 0..5 {
            let ack = until("a message", async || {
                let pulled = self
                    .post("subscriptions/work:pull", json!({ "maxMessages": 1 }))
                    .await;
                let ack = pulled["receivedMessages"][0]["ackId"]
                    .as_str()
                    .map(str::to_owned);
                ack.ok_or(pulled)
            });
            let nack = json!({ "ackIds": [ack.await], "ackDeadlineSeconds": 0 });
            self.post("subscriptions/work:modifyAckDeadline", nack)
                .await;
        }
    }

    async fn page(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.console)).send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        answer.text().await.unwrap()
    }
}

/// A topic with a subscription whose dead letters are kept.
async fn with_graveyard(folder: &Path) -> Shown {
    let shown = Shown::start(folder).await;
    for topic in ["jobs", "dead"] {
        shown.put(&format!("topics/{topic}"), json!({})).await;
    }
    let dead = format!("{PROJECT}/topics/dead");
    let policy = json!({ "deadLetterTopic": dead, "maxDeliveryAttempts": 5 });
    let work = json!({ "topic": format!("{PROJECT}/topics/jobs"), "deadLetterPolicy": policy });
    shown.put("subscriptions/work", work).await;
    shown
        .put("subscriptions/letters", json!({ "topic": dead }))
        .await;
    shown
}

#[tokio::test]
async fn pages_show_what_is_there_and_make_nothing_of_what_strangers_say() {
    let folder = tempfile::tempdir().unwrap();
    let shown = with_graveyard(folder.path()).await;
    shown.publish("jobs", "<script>alert(1)</script>").await;
    let front = shown.page("/").await;
    for part in [">work</a>", ">jobs</b>", "dead letters of work", "/tail"] {
        assert!(front.contains(part), "{part}: {front}");
    }
    let subscription = shown
        .page("/subscription?name=projects/demo/subscriptions/work")
        .await;
    let topic = shown.page("/topic?name=projects/demo/topics/jobs").await;
    for page in [subscription, topic] {
        assert!(page.contains("alert(1)") && page.contains("bold"), "{page}");
        assert!(
            !page.contains("<script>alert") && !page.contains("<b>bold"),
            "{page}"
        );
    }
    let status: Value = serde_json::from_str(&shown.page("/status.json").await).unwrap();
    let work = &status["subscriptions"][1];
    assert_eq!(
        (&work["backlog"], &work["dead_lettered"]),
        (&json!(1), &json!(0)),
        "{status}"
    );
    // It was looked at only.
    let pulled = shown
        .post("subscriptions/work:pull", json!({ "maxMessages": 9 }))
        .await;
    assert_eq!(
        pulled["receivedMessages"][0]["deliveryAttempt"], 1,
        "{pulled}"
    );
    for path in [
        "/subscription?name=none",
        "/topic?name=none",
        "/calls",
        "/none",
    ] {
        let answer = shown
            .http
            .get(format!("{}{path}", shown.console))
            .send()
            .await;
        assert_eq!(answer.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_dead_letter_is_sent_back_by_our_own_form_alone() {
    let folder = tempfile::tempdir().unwrap();
    let shown = with_graveyard(folder.path()).await;
    shown.publish("jobs", "poison").await;
    shown.bury().await;
    let page = until("the dead letter", async || {
        let page = shown.page("/dead-letters").await;
        if page.contains("poison") {
            Ok(page)
        } else {
            Err(page)
        }
    })
    .await;
    assert!(
        page.contains("delivered 5 times and never acknowledged"),
        "{page}"
    );
    let field = |name: &str| {
        let after = page
            .split(&format!("name=\"{name}\" value=\""))
            .nth(1)
            .unwrap();
        after.split('"').next().unwrap().to_owned()
    };
    let form = [
        ("token", field("token")),
        ("subscription", field("subscription")),
        ("message", field("message")),
    ];
    let post = |form: &[(&str, String)]| {
        let body: Vec<String> = form.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let post = shown.http.post(format!("{}/redeliver", shown.console));
        let kind = "application/x-www-form-urlencoded";
        post.header(header::CONTENT_TYPE, kind).body(body.join("&"))
    };
    let mut forged = form.clone();
    forged[0].1 = "0".repeat(32);
    assert_eq!(post(&forged).send().await.unwrap().status(), 403);
    let foreign = post(&form).header(header::ORIGIN, "http://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    let rebound = post(&form).header(header::HOST, "evil.example");
    assert_eq!(rebound.send().await.unwrap().status(), 421);
    let got = shown
        .http
        .get(format!("{}/redeliver", shown.console))
        .send()
        .await;
    assert_eq!(got.unwrap().status(), 405);
    assert!(shown.page("/dead-letters").await.contains("poison"));

    let done = post(&form).send().await.unwrap();
    assert_eq!(done.status(), 200);
    let text = done.text().await.unwrap();
    assert!(
        text.contains("published again on jobs") && !text.contains("poison"),
        "{text}"
    );
    let pulled = shown
        .post("subscriptions/work:pull", json!({ "maxMessages": 9 }))
        .await;
    let message = &pulled["receivedMessages"][0]["message"];
    assert_eq!(
        message["attributes"],
        json!({ "kind": "<b>bold</b>" }),
        "{pulled}"
    );
    assert_eq!(post(&form).send().await.unwrap().status(), 409);
}

#[tokio::test]
async fn the_tail_tells_of_messages_of_its_topic_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let shown = with_graveyard(folder.path()).await;
    let url = format!("{}/tail?topic=projects/demo/topics/jobs", shown.console);
    let mut tail = shown.http.get(url).send().await.unwrap();
    assert_eq!(tail.headers()[header::CONTENT_TYPE], "text/event-stream");
    shown.publish("dead", "of another topic").await;
    shown.publish("jobs", "one\ntwo").await;
    let mut text = String::new();
    let read = async {
        while !text.ends_with("\n\n") {
            let piece = tail.chunk().await.unwrap().expect("the tail has ended");
            text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    };
    tokio::time::timeout(farm_harness::PATIENCE, read)
        .await
        .unwrap();
    let data = text.split("data: ").nth(1).unwrap();
    let told: Value = serde_json::from_str(data.trim()).unwrap();
    assert_eq!(
        (&told["payload"], &told["size"]),
        (&json!("one\ntwo"), &json!("7 B"))
    );
    assert_eq!(told["attributes"][0], json!(["kind", "<b>bold</b>"]));
}
