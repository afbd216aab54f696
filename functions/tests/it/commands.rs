//! What people ask for.

use axum::body::Body;
use axum::http::Request;
use farm_forge::token;
use farm_model::event::Topic;
use farm_model::message::command::{Ask, Command};

use crate::harness::{Function, Queue, TOKEN_KEY};

fn ask(body: &str, id: Option<&str>, token: Option<&str>) -> Request<Body> {
    let mut request = Request::post("/api/commands");
    if let Some(id) = id {
        request = request.header("idempotency-key", id);
    }
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

fn gopher() -> String {
    let later = "2099-01-01T00:00:00Z".parse().unwrap();
    token::mint(TOKEN_KEY.as_bytes(), "gopher", later).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_asks_for_becomes_a_command_in_their_name() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("commands", Some(&queue));
    let pause = r#"{"do":"pause","builder":"linux-arm","reason":"its disk is full"}"#;
    let answer = function
        .ask(ask(pause, Some("mine-1"), Some(&gopher())))
        .await;
    assert_eq!(answer.of(202), r#"{"command":"9c73fbcce60b9bd3-mine-1"}"#);
    let command: Command = listener.message().await;
    assert_eq!(command.actor, "user:gopher");
    assert_eq!(command.id.as_str(), "9c73fbcce60b9bd3-mine-1");
    assert_eq!(
        command.ask,
        Ask::Pause {
            builder: "linux-arm".parse().unwrap(),
            reason: "its disk is full".to_owned(),
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_and_strangers_ask_for_nothing() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("commands", Some(&queue));
    let drain = r#"{"do":"drain","machine":"attic","reason":""}"#;
    let other = token::mint(b"other", "gopher", "2099-01-01T00:00:00Z".parse().unwrap()).unwrap();
    for (body, id, token, status) in [
        (drain, None, None, 401),
        (drain, None, Some(other.as_str()), 401),
        (drain, Some("no/slash"), Some(gopher().as_str()), 400),
        ("{\"do\":\"explode\"}", None, Some(gopher().as_str()), 400),
        ("", None, Some(gopher().as_str()), 400),
    ] {
        let answer = function.ask(ask(body, id, token)).await;
        let text = answer.of(status);
        assert!(text.starts_with("{\"error\":\""), "{text}");
        assert!(!text.contains(&other), "{text}");
    }
    let long = format!(
        r#"{{"do":"drain","machine":"attic","reason":"{}"}}"#,
        "x".repeat(501)
    );
    function
        .ask(ask(&long, None, Some(&gopher())))
        .await
        .of_any(400);
    listener.has_nothing().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_queues_it_says_later() {
    let queue = Queue::bare().await;
    let function = Function::start("commands", Some(&queue));
    let resume = r#"{"do":"resume","builder":"linux-arm"}"#;
    let answer = function.ask(ask(resume, None, Some(&gopher()))).await;
    assert_eq!(answer.of(503), r#"{"error":"not now; try again"}"#);
}
