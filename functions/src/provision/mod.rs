//! `provision`: `POST /provision` for results that are pushed as CloudEvents, `POST /provision/tick` by the time. Machines of
//! clouds are made and deleted as the coordinator orders (`docs/machine-pools.md`).
//!
//! | status | means |
//! |---|---|
//! | 204 | there are no pools, or the event is none of ours |
//! | 400, 413 | no event that can be read: it goes to the dead letters |

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use farm_bucket::Bucket;
use farm_bus::Bus;
use farm_pool::Settings;
use farm_runtime::event::CloudEvent;
use farm_runtime::{Failure, Vars};
use farm_wire::keys::MasterKey;

use crate::doors;

struct Provision {
    #[expect(dead_code, reason = "nothing is made yet")]
    bucket: Bucket,
    #[expect(dead_code, reason = "nothing is made yet")]
    bus: Bus,
    #[expect(dead_code, reason = "nothing is made yet")]
    key: MasterKey,
    settings: Option<Settings>,
}

/// The function. Without `FARM_POOLS` there are no pools.
///
/// # Errors
/// A setting is missing or wrong.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let key = vars.require(
        "FARM_MACHINE_KEY",
        "what machines' keys are made of, as hubs have it",
    )?;
    let settings = vars.read("FARM_POOLS")?;
    let settings = settings.map(|text| Settings::read(&text)).transpose();
    let provision = Provision {
        bucket: doors::bucket(vars)?,
        bus: doors::bus(vars)?,
        key: MasterKey::new(key.as_bytes())?,
        settings: settings.context("FARM_POOLS")?,
    };
    Ok(Router::new()
        .route("/provision", post(heard))
        .route("/provision/tick", post(tick))
        .with_state(Arc::new(provision)))
}

async fn heard(
    State(provision): State<Arc<Provision>>,
    CloudEvent(_): CloudEvent,
) -> Result<StatusCode, Failure> {
    provision.none()
}

async fn tick(State(provision): State<Arc<Provision>>) -> Result<StatusCode, Failure> {
    provision.none()
}

impl Provision {
    /// Where there are no pools there is nothing to do.
    fn none(&self) -> Result<StatusCode, Failure> {
        match &self.settings {
            None => Ok(StatusCode::NO_CONTENT),
            Some(_) => Err(Failure::again("no pool can make machines yet")),
        }
    }
}
