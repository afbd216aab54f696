//! Which queues are meant: those of the farm in this folder, or those that are given.

use anyhow::Context;
use farm_bus::{Bus, BusUrl};

/// What `farm up` writes into its data folder while it runs.
const NOTE: &str = ".farm/bus-address";

/// Where the queues are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PlaceArgs {
    /// The farm's queues: pubsub://PROJECT, with ?endpoint=http://HOST:PORT for an emulator [default: those of the `farm up`
    /// that uses ./.farm]
    #[arg(long, value_name = "URL", env = "FARM_BUS", global = true)]
    bus: Option<BusUrl>,
}

impl PlaceArgs {
    /// Gets ready to ask; nothing is sent yet.
    ///
    /// # Errors
    /// Nobody said where they are, or this build cannot speak to them.
    pub fn open(&self) -> anyhow::Result<Bus> {
        let url = match &self.bus {
            Some(url) => url.clone(),
            None => std::fs::read_to_string(NOTE)
                .with_context(|| "no farm runs in this folder: name its queues with --bus, or start `farm up` here")?
                .trim()
                .parse()
                .context(NOTE)?,
        };
        Ok(Bus::open(&url)?)
    }
}
