//! `provision`: machines of clouds are made and deleted as the coordinator orders (`docs/machine-pools.md`).
//!
//! `POST /provision` takes results that are pushed as CloudEvents: a machine is wanted, a machine is unwanted; others are
//! acknowledged. `POST /provision/tick`, by the time, holds every pool against the orders that the view has: what an event
//! should have done and did not is done then. What became of an order is told on `progress`. Whoever may post here may have
//! machines made: on a platform that is the queue's identity and the clock's alone.
//!
//! | status | means |
//! |---|---|
//! | 204 | done and told; or none of our business; or there are no pools |
//! | 400, 413 | no event that can be read: it goes to the dead letters |
//! | 503 | not all could be done or told: the same again does the rest |

mod decide;
mod event;
mod key;
mod make;
mod tell;
mod tick;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use farm_bucket::Bucket;
use farm_bus::Bus;
use farm_model::view::{PoolsView, key as views};
use farm_pool::{Pools, Settings};
use farm_runtime::event::CloudEvent;
use farm_runtime::{Clock, Failure, Vars};
use farm_wire::keys::MasterKey;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::event::Asked;
use crate::documents::Documents;
use crate::doors;

/// For all that a request does: platforms end it at 30 seconds.
const PATIENCE: Duration = Duration::from_secs(26);
/// Machines that are being made at once, in one instance.
const AT_ONCE: usize = 8;

struct Provision {
    pools: Option<Pools>,
    bucket: Bucket,
    documents: Documents,
    bus: Bus,
    key: MasterKey,
    clock: Clock,
    making: Semaphore,
}

/// The function. Without `FARM_POOLS` there are no pools.
///
/// # Errors
/// A setting is missing or wrong.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    build_at(vars, Clock::system())
}

/// The same at a time that a test sets.
///
/// # Errors
/// As [`build`].
pub fn build_at(vars: &Vars, clock: Clock) -> anyhow::Result<Router> {
    let bucket = doors::bucket(vars)?;
    let bus = doors::bus(vars)?;
    let key = vars.require(
        "FARM_MACHINE_KEY",
        "what machines' keys are made of, as hubs have it",
    )?;
    let provision = Provision {
        pools: pools(vars, &clock).context("FARM_POOLS")?,
        documents: Documents::new(bucket.clone()),
        bucket,
        bus,
        key: MasterKey::new(key.as_bytes())?,
        clock,
        making: Semaphore::new(AT_ONCE),
    };
    Ok(Router::new()
        .route("/provision", post(heard))
        .route("/provision/tick", post(tick::post))
        .with_state(Arc::new(provision)))
}

fn pools(vars: &Vars, clock: &Clock) -> anyhow::Result<Option<Pools>> {
    let Some(text) = vars.read("FARM_POOLS")? else {
        return Ok(None);
    };
    let settings = Settings::read(&text)?;
    let clock = clock.clone();
    let pools = Pools::open(&settings, move || clock.now());
    let pools = pools.map_err(|(name, error)| anyhow!("pools.{name}: {error}"))?;
    Ok(Some(pools))
}

async fn heard(
    State(provision): State<Arc<Provision>>,
    CloudEvent(event): CloudEvent,
) -> Result<StatusCode, Failure> {
    let asked = Asked::of(&event);
    let asked =
        asked.map_err(|error| Failure::never(StatusCode::BAD_REQUEST, error.to_string()))?;
    if let (Some(pools), Some(asked)) = (&provision.pools, asked) {
        let doing = provision.do_as_asked(pools, asked, &event);
        let done = timeout(PATIENCE, doing).await;
        let done = done.map_err(|late| Failure::again(format!("{}: {late}", event.id)))?;
        done.map_err(|error| Failure::again(format!("{}: {error}", event.id)))?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl Provision {
    /// The orders that are in force, if there is a document of them; or else why it cannot be read.
    async fn orders(&self) -> Result<Option<PoolsView>, String> {
        self.documents.read(views::POOLS).await
    }
}
