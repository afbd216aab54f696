//! From settings to what lies outside.

use anyhow::Context;
use farm_bucket::Bucket;
use farm_bus::{Bus, BusUrl};
use farm_runtime::Vars;

/// The bucket that `FARM_BUCKET` names. No network is touched.
pub(crate) fn bucket(vars: &Vars) -> anyhow::Result<Bucket> {
    let url = vars.require(
        "FARM_BUCKET",
        "where views, logs and deliveries lie, such as gs://my-bucket or file:///var/farm/bucket",
    )?;
    Ok(Bucket::open(&url)?)
}

/// The bus that `FARM_BUS` names. Nothing is connected yet.
pub(crate) fn bus(vars: &Vars) -> anyhow::Result<Bus> {
    let url = vars.require("FARM_BUS", "the farm's queues, such as pubsub://my-project")?;
    let url: BusUrl = url.parse().context("FARM_BUS")?;
    Ok(Bus::open(&url)?)
}
