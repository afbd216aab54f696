//! `farm sweep --dry-run`: what the coordinator's sweep would remove from the bucket, by its own code.

mod said;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use coordinator::{AgeArgs, Area, dry_run};
use farm_bucket::Bucket;
use farm_model::keep::KeepDays;
use farm_model::view::{StatusView, key};

use self::said::Outlook;
use crate::session::Session;
use crate::stored::StoredArgs;

/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;
/// The exit code where a part could not be looked through.
const BROKE_OFF: u8 = 3;
/// Between two lines of how far it is; what takes no longer says nothing.
const MOMENT: Duration = Duration::from_millis(500);

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm sweep --dry-run                         the farm of ./.farm, as its coordinator is set
  farm sweep --dry-run --keep-logs 30          what would go if the coordinator had that setting
  farm sweep --dry-run --bucket gs://my-farm   with the state's address in FARM_STATE
  farm sweep --dry-run --json | jq '.areas[] | {area, bytes: .old.bytes}'

Removing is the work of the coordinator that leads, once an hour (`coordinator --sweep`, `--keep-…`). This looks through the \
bucket by the same code and removes nothing. The farm may run meanwhile: its state is read, and never changed. Days that are \
not given are those of the farm's coordinator, from views/status.json. Snapshots that are still remembered stay. A large \
bucket of a cloud costs what listing it costs.

Exit code: 0 looked through, whether or not something would go; 3 the farm, or a part of its bucket, cannot be read; 130 \
interrupted.")]
pub struct Args {
    /// Remove nothing, only say what would go
    #[arg(long, required = true)]
    dry_run: bool,
    #[command(flatten)]
    stored: StoredArgs,
    #[command(flatten)]
    ages: AgeArgs,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

/// Looks, and says what would go.
///
/// # Errors
/// There is no farm, or its state or bucket cannot be read.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let stop = (session.signals)();
    let outlook = tokio::select! {
        biased;
        () = stop.cancelled() => None,
        outlook = look(args, session) => Some(outlook?),
    };
    session.progress("");
    let Some(outlook) = outlook else {
        session.note("interrupted; nothing was removed");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let said = match args.json {
        true => serde_json::to_string(&outlook)?,
        false => said::text(&outlook, session.colours),
    };
    session.print(&said)?;
    let broke_off = outlook.areas.iter().any(|area| area.error.is_some());
    Ok(match broke_off {
        true => ExitCode::from(BROKE_OFF),
        false => ExitCode::SUCCESS,
    })
}

async fn look(args: &Args, session: &mut Session) -> anyhow::Result<Outlook> {
    let (store, bucket) = args.stored.open().await?;
    let keep = args.ages.over(kept_by_coordinator(&bucket).await?)?;
    let clock = session.clock.clone();
    let at = clock.now();
    let mut last = Instant::now();
    let tell = |area: Area, objects| {
        if last.elapsed() >= MOMENT {
            last = Instant::now();
            session.progress(&format!("{}/: {objects} objects", area.prefix()));
        }
    };
    let prospects = dry_run(store, &bucket, keep, &clock, tell).await;
    Ok(Outlook::new(at, bucket.url(), keep, prospects))
}

/// The days that the farm's coordinator has. A bucket in which none has written is none of a farm: a typing error would look
/// like one in which nothing is old.
async fn kept_by_coordinator(bucket: &Bucket) -> anyhow::Result<KeepDays> {
    let view = bucket.get_view(key::STATUS).await?;
    let view = view.with_context(|| {
        format!(
            "there is no views/{} in {}: check the address, or start a coordinator, which writes it within seconds",
            key::STATUS,
            bucket.url()
        )
    })?;
    let status = serde_json::from_slice::<StatusView>(&view.bytes).with_context(|| {
        format!(
            "views/{} in {} was written by another version: use that one",
            key::STATUS,
            bucket.url()
        )
    })?;
    Ok(status.coordinator.keep.unwrap_or_default())
}
