//! Pods.

use farm_harness::until_within;
use farm_model::view::Status;
use reqwest::Method;
use serde_json::json;

use super::clouds::{Cloud, Kind};
use super::{PATIENCE, Pooled};

/// One builder in containers, one at a time and soon given up.
const FARM: &str = r#"
[hosts.host-container]
clean = "none"
container = { image = "buildlet:test", buildlet = "linux-amd64", machine = "n1-standard-4" }
[hosts.host-container.pool]
name = "pool"
most = 1
idle = "1s"
[builders.shell]
host = "host-container"
timeout = "5m"
steps = [{ name = "build", run = "sh build.sh" }]
[repositories.demo]
github = "acme/demo"
"#;

#[tokio::test]
async fn a_pod_is_made_for_a_build_and_its_secret_goes_with_it() {
    let cloud = Cloud::start(Kind::Kubernetes).await;
    let mut pooled = Pooled::start(cloud, FARM, "echo built").await;
    let commit = pooled.farm.repository.head();
    assert_eq!(pooled.over(&commit).await.status, Status::Ok);
    pooled.nothing_is_left().await;
    let path = "/api/v1/namespaces/farm/secrets";
    let secrets = pooled.cloud.ask(Method::GET, path, &json!(null)).await;
    assert_eq!(secrets["items"], json!([]));
    pooled.farm.results(1).await;
    pooled.end().await;
}

#[tokio::test]
async fn a_namespace_without_room_is_said_and_tried_again() {
    let cloud = Cloud::start(Kind::Kubernetes).await;
    let quotas = "/api/v1/namespaces/farm/resourcequotas";
    let quota = json!({ "metadata": { "name": "none" }, "spec": { "hard": { "pods": "0" } } });
    cloud.ask(Method::POST, quotas, &quota).await;
    let mut pooled = Pooled::start(cloud, FARM, "true").await;
    let commit = pooled.farm.repository.head();
    until_within(PATIENCE, "the build to say why it waits", async || {
        let build = pooled.build(&commit).await?;
        if build.why.contains("exceeded quota") {
            Ok(())
        } else {
            Err(build.why)
        }
    })
    .await;
    let path = format!("{quotas}/none");
    pooled.cloud.ask(Method::DELETE, &path, &json!(null)).await;
    assert_eq!(pooled.over(&commit).await.status, Status::Ok);
    pooled.farm.results(1).await;
    pooled.end().await;
}
