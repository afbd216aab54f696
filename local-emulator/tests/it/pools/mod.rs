//! Machines that the farm has made for it: five processes and a cloud whose machines are real buildlets.

mod clouds;
mod gce;
mod kubernetes;

use std::time::Duration;

use farm_harness::{Farm, Part, until_within};
use farm_model::view::{BuildView, PoolsView, Status};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use self::clouds::Cloud;
use crate::binary;

/// Long enough for what waits for a grace period: of the farm, and of whoever compares its orders with what is there.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two calls of `provision` by the time: more often than in a cloud.
const TICK: Duration = Duration::from_millis(500);

/// A farm that has no machine, and a cloud that makes some.
struct Pooled {
    farm: Farm,
    cloud: Cloud,
    _ticks: JoinSet<()>,
}

impl Pooled {
    /// A farm that builds its repository's head on machines of this cloud.
    async fn start(cloud: Cloud, farm_toml: &str, build: &str) -> Self {
        let mut farm = Farm::without_machines(binary(), farm_toml, build, &[]).await;
        let pools = cloud.settings(&farm);
        farm.set("FARM_POOLS", pools.to_string());
        farm.kill(Part::Functions).await;
        farm.run(Part::Functions);
        farm.push_to("results", "results-provision", "/provision")
            .await;
        let mut ticks = JoinSet::new();
        ticks.spawn(tick(farm.http.clone(), farm.inside_url("/provision/tick")));
        Self {
            farm,
            cloud,
            _ticks: ticks,
        }
    }

    /// The orders that stand, as `provision` sees them.
    fn orders(&self) -> Result<PoolsView, String> {
        let path = self.farm.path("bucket/views/pools.json");
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// Waits for a commit's build to be over.
    async fn over(&self, commit: &str) -> BuildView {
        let build = until_within(PATIENCE, "the build to be over", async || {
            let view = self.build(commit).await?;
            match view.status {
                Status::Queued | Status::Running => {
                    let orders = self.orders();
                    Err(format!("{:?} {}; {orders:?}", view.status, view.why))
                }
                _ => Ok(view),
            }
        });
        build.await
    }

    /// A commit's build as people see it.
    async fn build(&self, commit: &str) -> Result<BuildView, String> {
        let cell = self.farm.cell(commit).await?;
        self.farm.json(&format!("/api/build/{}", cell.build)).await
    }

    /// Waits until every machine is gone as it is idle: no order, no machine, no process of one.
    async fn nothing_is_left(&self) {
        until_within(PATIENCE, "every machine to be gone", async || {
            let orders = self.orders()?.orders;
            let machines = self.cloud.machines().await;
            let processes = self.cloud.processes();
            if orders.is_empty() && machines.is_empty() && processes.is_empty() {
                return Ok(());
            }
            Err(format!("{orders:?}; {machines:?}; {processes:?}"))
        })
        .await;
    }

    /// Nothing is left; the farm ends and accounts.
    async fn end(self) {
        self.nothing_is_left().await;
        self.cloud.end().await;
        self.farm.end().await;
    }
}

/// Calls `provision` now and then, as the cloud's scheduler does.
async fn tick(http: reqwest::Client, url: String) {
    let mut times = tokio::time::interval(TICK);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        // The process may be away at the moment, and says itself what is wrong with the rest.
        drop(http.post(&url).send().await);
    }
}

/// The attempts of a build's only job, with whether each was lost.
fn attempts(build: &BuildView) -> usize {
    build.runs[0].jobs[0].attempts.len()
}
