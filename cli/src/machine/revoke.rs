//! `farm machine revoke`.

use std::process::ExitCode;

use farm_model::Timestamp;
use farm_model::id::MachineName;

use super::place::PlaceArgs;
use crate::session::Session;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm machine revoke attic
  farm machine revoke attic --bucket gs://my-farm
  farm machine revoke attic --json | jq -r .revoked_at

Every key of the machine stops working, also keys that were made elsewhere. What it is building is built again on another \
machine. `farm machine add` records it anew.")]
pub struct Args {
    /// The machine
    #[arg(value_name = "NAME")]
    name: MachineName,
    /// The machine's record as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Takes the machine's keys back.
///
/// # Errors
/// The machine is not recorded, or the bucket is not found.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let records = args.place.open()?;
    let known = records.known(&args.name).await?;
    let mut record = known.record.clone();
    let before = record.revoked_at;
    if before.is_none() {
        record.revoked_at = Some(session.clock.now());
        records.put(&record, Some(&known)).await?;
    }
    let said = if args.json {
        serde_json::to_string(&record)?
    } else {
        text(&args.name, before)
    };
    session.print(&said)?;
    Ok(ExitCode::SUCCESS)
}

/// For people; it may have been revoked `before`.
fn text(name: &MachineName, before: Option<Timestamp>) -> String {
    match before {
        Some(at) => {
            let day = at.strftime("%Y-%m-%d %H:%M UTC");
            format!("{name} was revoked already, {day}")
        }
        None => format!(
            "{name} is revoked: no hub lets it in any more, and it is cut off within 30 seconds"
        ),
    }
}
