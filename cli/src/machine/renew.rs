//! `farm machine renew`.

use std::process::ExitCode;

use anyhow::bail;
use farm_model::id::MachineName;
use farm_model::machine::MachineRecord;

use super::line::{HubArgs, print};
use super::mint::minted;
use super::place::{KeyArgs, PlaceArgs};
use crate::session::Session;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm machine renew attic
  farm machine renew attic --days 30 --hub hub.example.org:8119

The key before stops working at once: a machine that is connected with it is cut off within 30 seconds, and comes back when \
the line has been run on it.")]
pub struct Args {
    /// The machine
    #[arg(value_name = "NAME")]
    name: MachineName,
    /// How many days the key is good for
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
    /// One line of JSON with the key and its parts instead
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hub: HubArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Makes another key, and prints the line.
///
/// # Errors
/// The machine is not recorded or was revoked, or bucket, master key or hub are not found.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let hub = args.hub.read(&args.place)?;
    let master = args.key.read(&args.place)?;
    let records = args.place.open()?;
    let known = records.known(&args.name).await?;
    let before = &known.record;
    if before.revoked_at.is_some() {
        bail!(
            "{name} was revoked: `farm machine add {name} --host-type {}` records it anew",
            before.host_type,
            name = args.name
        );
    }
    let now = session.clock.now();
    let machine = (&args.name, &before.host_type);
    let minted = minted(&master, machine, args.days, now, Some(before))?;
    let record = MachineRecord {
        key_id: minted.id.clone(),
        next_key_id: None,
        issued: now,
        expires: minted.expires,
        ..before.clone()
    };
    records.put(&record, Some(&known)).await?;
    print(session, &record, &minted, &hub, args.json)?;
    Ok(ExitCode::SUCCESS)
}
