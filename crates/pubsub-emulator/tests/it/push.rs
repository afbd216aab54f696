//! Push delivery to a real HTTP server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use google_cloud_pubsub::model::push_config::{NoWrapper, OidcToken};
use google_cloud_pubsub::model::{Message, PushConfig, Subscription};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::harness::{PATIENCE, SUB, Server, TOPIC, publish_messages};

type Post = (HeaderMap, Bytes);

#[derive(Clone)]
struct Endpoint {
    posts: mpsc::UnboundedSender<Post>,
    answers: Arc<Vec<u16>>,
    seen: Arc<AtomicUsize>,
}

/// Answers with `answers` in turn, and then with the last of them.
async fn endpoint(answers: &[u16]) -> (String, mpsc::UnboundedReceiver<Post>, JoinSet<()>) {
    let (posts, received) = mpsc::unbounded_channel();
    let endpoint = Endpoint {
        posts,
        answers: Arc::new(answers.to_vec()),
        seen: Arc::default(),
    };
    let app = Router::new()
        .route("/push", post(receive))
        .with_state(endpoint);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/push", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, received, serving)
}

async fn receive(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> StatusCode {
    endpoint.posts.send((headers, body)).unwrap();
    let n = endpoint.seen.fetch_add(1, Ordering::SeqCst);
    let last = endpoint.answers.len() - 1;
    StatusCode::from_u16(endpoint.answers[n.min(last)]).unwrap()
}

async fn posted(posts: &mut mpsc::UnboundedReceiver<Post>) -> Post {
    tokio::time::timeout(PATIENCE, posts.recv())
        .await
        .unwrap()
        .unwrap()
}

async fn empty(server: &Server) {
    let admin = server.subscriptions().await;
    // Pulling is refused while it pushes, so look after the endpoint is taken away.
    admin
        .modify_push_config()
        .set_subscription(SUB)
        .set_push_config(PushConfig::new())
        .send()
        .await
        .unwrap();
    assert!(server.pull(SUB).await.is_empty());
}

fn message() -> Message {
    Message::new().set_data("{\"a\":1}").set_attributes([
        ("ce-id", "42"),
        ("ce-type", "t"),
        ("content-type", "application/json"),
    ])
}

#[tokio::test]
async fn a_wrapped_push_carries_the_message_as_json() {
    let (url, mut posts, _serving) = endpoint(&[204]).await;
    let server = Server::memory().await;
    let push = PushConfig::new().set_push_endpoint(url);
    server
        .set_up(Subscription::new().set_push_config(push))
        .await;
    let publisher = server.publisher(TOPIC).await;
    let ids = publish_messages(&publisher, [message()]).await;
    let (headers, body) = posted(&mut posts).await;
    assert_eq!(headers["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["subscription"], SUB);
    let inner = &body["message"];
    let data = base64::engine::general_purpose::STANDARD.encode("{\"a\":1}");
    assert_eq!(inner["data"], data);
    assert_eq!(inner["attributes"]["ce-id"], "42");
    assert_eq!(
        (inner["messageId"].as_str(), inner["message_id"].as_str()),
        (Some(&*ids[0]), Some(&*ids[0]))
    );
    assert!(inner["publishTime"].as_str().unwrap().ends_with('Z'));
    assert_eq!(inner["publishTime"], inner["publish_time"]);
    server.stop().await;
}

#[tokio::test]
async fn a_bare_push_is_a_cloud_event_in_binary_mode() {
    let (url, mut posts, _serving) = endpoint(&[200]).await;
    let server = Server::memory().await;
    let bare = NoWrapper::new().set_write_metadata(true);
    let push = PushConfig::new()
        .set_push_endpoint(url)
        .set_no_wrapper(bare);
    server
        .set_up(Subscription::new().set_push_config(push))
        .await;
    let publisher = server.publisher(TOPIC).await;
    let ids = publish_messages(&publisher, [message()]).await;
    let (headers, body) = posted(&mut posts).await;
    assert_eq!(&body[..], b"{\"a\":1}");
    for (name, value) in [
        ("ce-id", "42"),
        ("ce-type", "t"),
        ("content-type", "application/json"),
        ("x-goog-pubsub-message-id", &ids[0]),
        ("x-goog-pubsub-subscription-name", SUB),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(headers.contains_key("x-goog-pubsub-publish-time"));
    assert!(!headers.contains_key("x-goog-pubsub-ordering-key"));
    server.stop().await;
}

#[tokio::test]
async fn a_push_brings_a_token_that_the_served_key_verifies() {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (url, mut posts, _serving) = endpoint(&[200]).await;
    let server = Server::memory().await;
    let token = OidcToken::new().set_service_account_email("push@test.iam.gserviceaccount.com");
    let push = PushConfig::new()
        .set_push_endpoint(&url)
        .set_oidc_token(token);
    server
        .set_up(Subscription::new().set_push_config(push))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish_messages(&publisher, [message()]).await;
    let (headers, _) = posted(&mut posts).await;
    let token = headers["authorization"].to_str().unwrap();
    let token = token.strip_prefix("Bearer ").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let part = |n: usize| -> serde_json::Value {
        serde_json::from_slice(&decode(signed.split('.').nth(n).unwrap())).unwrap()
    };
    let certs = server.http.get(format!("{}/oauth2/v3/certs", server.url));
    let certs = certs.send().await.unwrap().bytes().await.unwrap();
    let certs: serde_json::Value = serde_json::from_slice(&certs).unwrap();
    let key = &certs["keys"][0];
    assert_eq!(part(0)["kid"], key["kid"]);
    let coordinate = |name: &str| decode(key[name].as_str().unwrap());
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &decode(signature))
        .unwrap();
    let claims = part(1);
    assert_eq!(claims["aud"], url, "the endpoint, where no audience is set");
    assert_eq!(claims["email"], "push@test.iam.gserviceaccount.com");
    server.stop().await;
}

#[tokio::test]
async fn every_documented_code_acknowledges_and_no_other() {
    // 200 is seen in other tests. 102 is no final answer in HTTP, and no server sends it as one.
    let (url, mut posts, _serving) = endpoint(&[201, 202, 204, 302, 404, 500, 206, 204]).await;
    let server = Server::memory().await;
    let push = PushConfig::new().set_push_endpoint(url);
    let config = Subscription::new()
        .set_push_config(push)
        .set_enable_message_ordering(true);
    server.set_up(config).await;
    let publisher = server.publisher(TOPIC).await;
    let keyed = |n: usize| Message::new().set_data(n.to_string()).set_ordering_key("k");
    publish_messages(&publisher, (0..5).map(keyed)).await;
    let mut order = Vec::new();
    for _ in 0..9 {
        let (_, body) = posted(&mut posts).await;
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let data = body["message"]["data"].as_str().unwrap();
        let data = base64::engine::general_purpose::STANDARD.decode(data);
        order.push(String::from_utf8(data.unwrap()).unwrap());
    }
    assert_eq!(order, ["0", "1", "2", "3", "3", "3", "3", "3", "4"]);
    server.stop().await;
}

#[tokio::test]
async fn a_refused_push_comes_again_until_it_is_taken() {
    let (url, mut posts, _serving) = endpoint(&[503, 404, 202]).await;
    let server = Server::memory().await;
    let push = PushConfig::new().set_push_endpoint(url);
    server
        .set_up(Subscription::new().set_push_config(push))
        .await;
    let publisher = server.publisher(TOPIC).await;
    publish_messages(&publisher, [message()]).await;
    for _ in 0..3 {
        posted(&mut posts).await;
    }
    publish_messages(&publisher, [Message::new().set_data("next")]).await;
    let (_, body) = posted(&mut posts).await;
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["message"]["data"], "bmV4dA==", "the first one is done");
    server.stop().await;
}

#[tokio::test]
async fn pushes_of_one_key_come_one_after_the_other() {
    let (url, mut posts, _serving) = endpoint(&[200, 500, 200]).await;
    let server = Server::memory().await;
    let push = PushConfig::new().set_push_endpoint(url);
    let config = Subscription::new()
        .set_push_config(push)
        .set_enable_message_ordering(true);
    server.set_up(config).await;
    let publisher = server.publisher(TOPIC).await;
    let keyed = |n: usize| Message::new().set_data(n.to_string()).set_ordering_key("k");
    publish_messages(&publisher, (0..4).map(keyed)).await;
    let mut order = Vec::new();
    for _ in 0..5 {
        let (_, body) = posted(&mut posts).await;
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["message"]["orderingKey"], "k");
        order.push(body["message"]["data"].as_str().unwrap().to_owned());
    }
    assert_eq!(order, ["MA==", "MQ==", "MQ==", "Mg==", "Mw=="]);
    server.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_comes_later_gets_what_has_waited() {
    let server = Server::memory().await;
    server.set_up(Subscription::new()).await;
    let publisher = server.publisher(TOPIC).await;
    publish_messages(&publisher, (0..50).map(|_| message())).await;
    let (url, mut posts, _serving) = endpoint(&[200]).await;
    let admin = server.subscriptions().await;
    admin
        .modify_push_config()
        .set_subscription(SUB)
        .set_push_config(PushConfig::new().set_push_endpoint(url))
        .send()
        .await
        .unwrap();
    for _ in 0..50 {
        posted(&mut posts).await;
    }
    let (status, _) = server
        .post(
            &format!("{SUB}:pull"),
            serde_json::json!({ "maxMessages": 1 }),
        )
        .await;
    assert_eq!(status, 400, "a push subscription is not pulled from");
    empty(&server).await;
    server.stop().await;
}
