use std::time::Duration;

use tokio::net::TcpListener;

use super::*;
use crate::queue::Queue;
use crate::url::Endpoint;

/// A queue at `address`, which is given up after a moment.
fn queue(address: &str) -> PubSub {
    let endpoint = Endpoint {
        url: format!("http://{address}"),
        plain: Some(address.to_owned()),
    };
    PubSub::new("test".to_owned(), Some(endpoint)).with_patience(Duration::from_millis(500))
}

async fn gives_up(queue: &PubSub) {
    let message = || Message::new().set_data("x");
    let error = one(queue, "progress", message()).await.unwrap_err();
    assert!(error.is_again(), "{error}");
    let error = many(queue, "progress", vec![message(), message()]).await;
    assert!(error.unwrap_err().is_again());
}

#[tokio::test]
async fn publishing_to_nobody_ends_and_may_be_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let queue = queue(&address);
    gives_up(&queue).await;
    let error = queue.ensure(&[]).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!(
            "no Pub/Sub server answered at http://{address} within 500ms"
        )),
        "{error}"
    );
}

#[tokio::test]
async fn publishing_to_a_server_that_never_answers_ends() {
    // Connections are made by the kernel; nobody accepts them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let queue = queue(&silent.local_addr().unwrap().to_string());
    gives_up(&queue).await;
    assert!(queue.ensure(&[]).await.is_err());
}

#[tokio::test]
async fn a_publisher_that_failed_is_forgotten_once() {
    let publishers = Publishers::default();
    publishers.forget(0);
    publishers.forget(0);
    assert_eq!(publishers.made().life, 1);
}
