use farm_bus::{PushTarget, SubscriptionSpec};
use farm_model::event::Topic;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::client::SubscriptionAdmin;
use google_cloud_pubsub::model::Subscription;
use tokio::net::TcpListener;

use crate::harness::{SOME, Server, bus, event, for_hub, next};

async fn subscription(server: &Server, name: &str) -> Subscription {
    let builder = SubscriptionAdmin::builder().with_endpoint(&server.endpoint);
    let admin = builder
        .with_credentials(anonymous::Builder::new().build())
        .build()
        .await
        .unwrap();
    let path = format!("projects/test/subscriptions/{name}");
    admin
        .get_subscription()
        .set_subscription(path)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn setting_up_twice_is_setting_up_once_and_loses_nothing() {
    let server = Server::start().await;
    let bus = server.bus();
    let mut specs = SubscriptionSpec::coordinator();
    specs.push(SubscriptionSpec::hub(&"h1".parse().unwrap()));
    bus.ensure(&specs).await.unwrap();
    bus.publish(Topic::Work, &for_hub("e", "h1")).await.unwrap();
    bus.ensure(&specs).await.unwrap();
    assert_eq!(next(&mut bus.receive("work-h1", SOME)).await.event.id, "e");
    let made = subscription(&server, "work-h1").await;
    assert_eq!(made.filter, "attributes.\"ce-farmhub\" = \"h1\"");
    let dead = made.dead_letter_policy.unwrap();
    assert_eq!(dead.dead_letter_topic, "projects/test/topics/dead-work-h1");
    assert_eq!(dead.max_delivery_attempts, 50);
}

#[tokio::test]
async fn a_push_that_moved_is_followed() {
    let server = Server::start().await;
    let bus = server.bus();
    for port in [1, 2] {
        let url = format!("http://127.0.0.1:{port}/");
        let spec = SubscriptionSpec {
            push: Some(PushTarget { url: url.clone() }),
            ..SubscriptionSpec::new("function", Topic::Results)
        };
        bus.ensure(&[spec]).await.unwrap();
        let made = subscription(&server, "function").await;
        assert_eq!(made.push_config.unwrap().push_endpoint, url);
    }
}

#[tokio::test]
async fn setting_up_waits_for_a_server_that_is_still_starting() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    drop(port);
    let bus = bus(&format!("http://{address}"));
    let specs = SubscriptionSpec::coordinator();
    let starting = async {
        // Refused at least once: the first try is under way when this begins.
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        Server::on(TcpListener::bind(address).await.unwrap()).await
    };
    let (made, _server) = tokio::join!(bus.ensure(&specs), starting);
    made.unwrap();
    bus.publish(Topic::Activity, &event("e")).await.unwrap();
}
