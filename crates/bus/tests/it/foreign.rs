//! The same through another server of the protocol.

use farm_bus::SubscriptionSpec;
use farm_model::event::Topic;

use crate::harness::{SOME, all_come, bus, event, events, next};

#[expect(
    clippy::disallowed_methods,
    reason = "names the server to test against"
)]
fn endpoint() -> String {
    std::env::var("FARM_BUS_TEST_ENDPOINT").expect("FARM_BUS_TEST_ENDPOINT=http://HOST:PORT")
}

#[tokio::test]
#[ignore = "needs a server: FARM_BUS_TEST_ENDPOINT"]
async fn foreign_server_carries_events() {
    let bus = bus(&endpoint());
    let specs = [SubscriptionSpec::new("foreign", Topic::Results)];
    bus.ensure(&specs).await.unwrap();
    bus.ensure(&specs).await.unwrap();
    bus.publish(Topic::Results, &event("first")).await.unwrap();
    let mut receiver = bus.receive("foreign", SOME);
    let first = next(&mut receiver).await;
    assert_eq!(first.event, event("first"));
    first.again();
    let second = next(&mut receiver).await;
    assert_eq!(second.attempt, 2);
    second.reject("test").await;
    bus.publish_all(Topic::Results, &events(500)).await.unwrap();
    all_come(&mut receiver, events(500).into_iter().map(|event| event.id)).await;
    all_come(&mut bus.receive("dead-foreign", SOME), ["first".to_owned()]).await;
    receiver.close().await;
}
