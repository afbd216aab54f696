use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use farm_runtime::serve;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;

pub(crate) fn client() -> reqwest::Client {
    // Another test may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end_and_no_new_one_is_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (begun, may_answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, answer) = (Arc::clone(&begun), Arc::clone(&may_answer));
    let handler = move || async move {
        has_begun.notify_one();
        answer.notified().await;
        "done"
    };
    let shutdown = CancellationToken::new();
    let router = Router::new().route("/", get(handler));
    let mut serving = JoinSet::new();
    serving.spawn(serve::on(listener, router, shutdown.clone()));
    let mut asking = JoinSet::new();
    let request = client().get(format!("http://{address}/")).send();
    asking.spawn(async move { request.await.unwrap().text().await.unwrap() });
    timeout(PATIENCE, begun.notified()).await.unwrap();
    shutdown.cancel();
    let closed = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(PATIENCE, closed).await.unwrap();
    assert!(serving.try_join_next().is_none(), "the request was cut off");
    may_answer.notify_one();
    let answer = timeout(PATIENCE, asking.join_next()).await.unwrap();
    assert_eq!(answer.unwrap().unwrap(), "done");
    let ended = timeout(PATIENCE, serving.join_next()).await.unwrap();
    ended.unwrap().unwrap().unwrap();
}
