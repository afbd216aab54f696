//! `farm machine revoke`.

use std::process::ExitCode;

use farm_model::id::MachineName;
use farm_model::machine::MachineRecord;

use super::place::PlaceArgs;
use crate::session::Session;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm machine revoke attic
  farm machine revoke attic --bucket gs://my-farm

Every key of the machine stops working, also keys that were made elsewhere. What it is building is built again on another \
machine. `farm machine add` records it anew.")]
pub struct Args {
    /// The machine
    #[arg(value_name = "NAME")]
    name: MachineName,
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
    if let Some(at) = known.record.revoked_at {
        let day = at.strftime("%Y-%m-%d %H:%M UTC");
        session.print(&format!("{} was revoked already, {day}", args.name))?;
        return Ok(ExitCode::SUCCESS);
    }
    let record = MachineRecord {
        revoked_at: Some(session.clock.now()),
        ..known.record.clone()
    };
    records.put(&record, Some(&known)).await?;
    session.print(&format!(
        "{} is revoked: no hub lets it in any more, and it is cut off within 30 seconds",
        args.name
    ))?;
    Ok(ExitCode::SUCCESS)
}
