//! Pub/Sub alone pushes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use farm_bus::{PushTarget, SubscriptionSpec};
use farm_model::event::Topic;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Server, for_hub};

#[tokio::test]
async fn a_push_is_an_ordinary_cloud_event() {
    let (sender, mut pushed) = mpsc::channel(1);
    let answers = Arc::new(Mutex::new(vec![
        StatusCode::OK,
        StatusCode::SERVICE_UNAVAILABLE,
    ]));
    let function = move |headers: HeaderMap, body: String| async move {
        sender.send((headers, body)).await.unwrap();
        answers.lock().unwrap().pop().unwrap()
    };
    let function = Router::new().route("/", post(function));
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", port.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(port, function).await.unwrap() });

    let server = Server::start().await;
    let bus = server.bus();
    let spec = SubscriptionSpec {
        push: Some(PushTarget { url }),
        ..SubscriptionSpec::new("function", Topic::Results)
    };
    bus.ensure(&[spec]).await.unwrap();
    bus.publish(Topic::Results, &for_hub("e", "h1"))
        .await
        .unwrap();
    // The first is answered 503, and so comes again.
    for _ in 0..2 {
        let (headers, body) = timeout(PATIENCE, pushed.recv()).await.unwrap().unwrap();
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(header("ce-id"), "e");
        assert_eq!(header("ce-type"), "farmhand.test.v1");
        assert_eq!(header("ce-specversion"), "1.0");
        assert_eq!(header("ce-farmhub"), "h1");
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(body, "{\"a\":1}");
    }
}
