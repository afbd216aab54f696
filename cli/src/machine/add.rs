//! `farm machine add`.

use std::process::ExitCode;

use anyhow::bail;
use farm_model::id::{HostType, MachineName};
use farm_model::machine::MachineRecord;

use super::line::{HubArgs, print};
use super::mint::minted;
use super::place::{KeyArgs, PlaceArgs};
use crate::session::Session;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm machine add attic --host-type rpi4
  farm machine add attic --host-type rpi4 --hub hub.example.org:8119 --owner gopher@example.org
  farm machine add bench --host-type linux-amd64 --label gpu --label disk=fast
  farm machine add closet --host-type mac-m4 --days 30 --json | jq -r .key > closet.key

The line holds the machine's key: whoever reads it can register as this machine. It is shown once and kept nowhere; \
`farm machine renew` makes another.")]
pub struct Args {
    /// The name that the machine will go by
    #[arg(value_name = "NAME")]
    name: MachineName,
    /// What kind of machine it is: the key registers as nothing else
    #[arg(long, value_name = "TYPE")]
    host_type: HostType,
    /// How many days the key is good for
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
    /// Who is told when the machine is missing
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    owner: Option<String>,
    /// Something it can do beyond its host type; may be repeated
    #[arg(long = "label", value_name = "LABEL", value_parser = label)]
    labels: Vec<String>,
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

/// Records the machine, and prints the line.
///
/// # Errors
/// It is recorded already, or bucket, master key or hub are not found.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    if args.labels.len() > MachineRecord::LABELS {
        bail!("a machine has at most {} labels", MachineRecord::LABELS);
    }
    let hub = args.hub.read(&args.place)?;
    let master = args.key.read(&args.place)?;
    let records = args.place.open()?;
    let before = records.get(&args.name).await?;
    let earlier = before.as_ref().map(|stored| &stored.record);
    if earlier.is_some_and(|record| record.revoked_at.is_none()) {
        bail!(
            "{name} is recorded already: `farm machine renew {name}` makes a new key, `farm machine revoke {name}` ends it",
            name = args.name
        );
    }
    let now = session.clock.now();
    let minted = minted(
        &master,
        (&args.name, &args.host_type),
        args.days,
        now,
        earlier,
    )?;
    let record = MachineRecord {
        name: args.name.clone(),
        host_type: args.host_type.clone(),
        owner: args.owner.clone(),
        labels: args.labels.iter().cloned().collect(),
        key_id: minted.id.clone(),
        next_key_id: None,
        created: now,
        issued: now,
        expires: minted.expires,
        revoked_at: None,
        once: None,
    };
    records.put(&record, before.as_ref()).await?;
    print(session, &record, &minted, &hub, args.json)?;
    Ok(ExitCode::SUCCESS)
}

fn label(text: &str) -> Result<String, String> {
    if MachineRecord::is_label(text) {
        return Ok(text.to_owned());
    }
    Err("write up to 32 letters, digits and `.`, `_`, `-`, `=`, as in gpu or disk=fast".to_owned())
}

/// Enough to catch a name that is none; whether mail arrives, only mail shows.
fn email(text: &str) -> Result<String, String> {
    let plain = text.len() <= 254 && text.chars().all(|c| c.is_ascii_graphic());
    match text.split_once('@') {
        Some((local, domain)) if plain && !local.is_empty() && domain.contains('.') => {
            Ok(text.to_owned())
        }
        _ => Err("write an e-mail address, as in gopher@example.org".to_owned()),
    }
}
