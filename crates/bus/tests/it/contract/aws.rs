//! A stand-in for AWS: MiniStack, where it is on PATH or `FARM_MINISTACK` names it. It checks queues' policies as the service
//! does. What it does not show: real delays, real quotas, identities' rights, and that a standard queue may repeat and
//! reorder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use farm_bus::{PushTarget, SubscriptionSpec};
use farm_model::event::Topic;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::{World, cases, common_suite, open, strict_suite, unique};
use crate::child::{self, Child};
use crate::harness::{PATIENCE, SOME, event, next};
use crate::process::free_address;

async fn world() -> Option<World> {
    static STACK: OnceCell<Option<(SocketAddr, Child)>> = OnceCell::const_new();
    let stack = async || {
        let (program, address) = (ministack()?, free_address().await);
        Some((address, start(&program, address, None).await))
    };
    let (address, _) = STACK.get_or_init(stack).await.as_ref()?;
    Some(World::new(url(*address), ()))
}

fn url(address: SocketAddr) -> String {
    let prefix = unique();
    format!("aws://eu-west-1?endpoint=http://{address}&prefix={prefix}")
}

fn ministack() -> Option<PathBuf> {
    let told = child::told("FARM_MINISTACK").map(PathBuf::from);
    let found = told.or_else(|| child::find("ministack"));
    if found.is_none() {
        child::skipped("neither FARM_MINISTACK nor PATH names MiniStack (pip install ministack)");
    }
    found
}

async fn start(program: &Path, address: SocketAddr, state: Option<&Path>) -> Child {
    let port = address.port().to_string();
    let state = state.map(|state| state.display().to_string());
    let mut settings = vec![
        ("GATEWAY_PORT", port.as_str()),
        ("BIND_HOST", "127.0.0.1"),
        ("SERVICES", "sns,sqs,sts"),
        ("LOG_LEVEL", "WARNING"),
        ("AUTH", "true"),
    ];
    if let Some(state) = &state {
        settings.extend([("PERSIST_STATE", "1"), ("STATE_DIR", state)]);
    }
    let child = Child::start(program, &[], &settings);
    child::is_up(address).await;
    child
}

common_suite! {}

strict_suite! {}

#[tokio::test]
async fn receiver_and_publisher_go_on_after_a_restart() {
    let Some(program) = ministack() else { return };
    let (address, state) = (free_address().await, tempfile::tempdir().unwrap());
    let mut server = Some(start(&program, address, Some(state.path())).await);
    let bus = open(&url(address));
    let restart = async || {
        drop(server.take());
        server = Some(start(&program, address, Some(state.path())).await);
    };
    let case = cases::receiver_and_publisher_go_on_after_a_restart(&bus, restart);
    timeout(PATIENCE * 2, case).await.unwrap();
}

#[tokio::test]
async fn what_terraform_makes_is_looked_for() {
    let Some(world) = world().await else { return };
    let verifying = open(&format!("{}&ensure=verify", world.url));
    let specs = [SubscriptionSpec::hub(&"h1".parse().unwrap())];
    let error = verifying.ensure(&specs).await.unwrap_err().to_string();
    let said = "work-h1: it is not there; terraform makes it";
    assert!(error.ends_with(said), "{error}");
    world.bus().ensure(&specs).await.unwrap();
    verifying.ensure(&specs).await.unwrap();
}

#[tokio::test]
async fn what_no_queue_can_be_is_refused() {
    let Some(world) = world().await else { return };
    let all_work = SubscriptionSpec::new("everything", Topic::Work);
    let error = world.bus().ensure(&[all_work]).await.unwrap_err();
    assert!(error.to_string().contains("work-HUB"), "{error}");
    let pushed = SubscriptionSpec {
        push: Some(PushTarget {
            url: "http://127.0.0.1:1/".to_owned(),
        }),
        ..SubscriptionSpec::new("function", Topic::Results)
    };
    let error = world.bus().ensure(&[pushed]).await.unwrap_err();
    assert!(
        error.to_string().contains("event source mapping"),
        "{error}"
    );
    let work = event("work");
    let error = world.bus().publish(Topic::Work, &work).await.unwrap_err();
    assert!(error.to_string().ends_with("it names no hub"), "{error}");
}

#[tokio::test]
async fn publishing_to_a_topic_that_is_not_there_may_be_tried_again() {
    let Some(world) = world().await else { return };
    let error = world.bus().publish(Topic::Results, &event("e")).await;
    let error = error.unwrap_err();
    assert!(error.is_again(), "an operator can mend it: {error}");
    world.bus().ensure(&[]).await.unwrap();
    world
        .bus()
        .publish(Topic::Results, &event("e"))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_no_cloud_event_goes_to_the_dead_letters_by_itself() {
    let Some(world) = world().await else { return };
    let bus = world.bus();
    bus.ensure(&[SubscriptionSpec::new("strict", Topic::Commands)])
        .await
        .unwrap();
    send_raw(&world.url, "strict", "hello").await;
    bus.publish(Topic::Commands, &event("good")).await.unwrap();
    let mut receiver = bus.receive("strict", SOME);
    assert_eq!(next(&mut receiver).await.event.id, "good");
    let letters = async {
        loop {
            let letters = bus.dead_letters("strict", 10).await.unwrap();
            if !letters.is_empty() {
                break letters;
            }
        }
    };
    let letters = timeout(PATIENCE, letters).await.unwrap();
    assert_eq!(letters[0].reason, "it is no JSON object");
    assert_eq!(letters[0].data, "hello");
}

/// As somebody would who does not speak our language.
async fn send_raw(bus: &str, queue: &str, body: &str) {
    let (_, rest) = bus.split_once("endpoint=http://").unwrap();
    let (address, prefix) = rest.split_once("&prefix=").unwrap();
    let form = format!(
        "Action=SendMessage&QueueUrl=http://{address}/000000000000/{prefix}-{queue}&MessageBody={body}"
    );
    let scope = "AWS4-HMAC-SHA256 Credential=test/20261126/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nAuthorization: {scope}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
        form.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
