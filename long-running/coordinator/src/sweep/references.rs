//! What refers to blobs, read from the state in portions.

use std::time::Duration;

use farm_core::keep::{References, logs_since};
use farm_core::policy::earlier;
use farm_model::Timestamp;
use farm_model::keep::KeepDays;
use farm_model::kept::KeptKind;
use farm_store::{RunMark, Which};
use jiff::SignedDuration;

use crate::leadership::Handle;

/// Runs that are read at once: each may be as large as a few messages.
const RUNS: u32 = 32;
/// By how much the state may have a run end too early: of those of its first schemas it knows when they were opened, and a run
/// waits for two weeks and lasts for two days at most.
const TOO_EARLY: SignedDuration = SignedDuration::from_hours(17 * 24);
/// Between two portions.
const PAUSE: Duration = Duration::from_millis(5);

/// Notes all of them, as of `now`; how many records that took.
///
/// A run that ends between the two walks is met by the second, which comes to the newest last. What was stored for one since
/// then is young.
///
/// # Errors
/// The state fails: then nobody knows what is referred to.
pub(super) async fn read(
    state: &Handle,
    keep: &KeepDays,
    now: Timestamp,
    references: &mut References,
) -> anyhow::Result<u64> {
    let since = logs_since(keep, now);
    let ended = since.map(|since| earlier(since, TOO_EARLY));
    let mut records = 0;
    for which in [Which::Open, Which::EndedSince(ended)] {
        let mut after: Option<RunMark> = None;
        loop {
            let from = after.clone();
            let runs = state.call(move |store| store.runs(which, from.as_ref(), RUNS));
            let runs = runs.await?;
            records += runs.len() as u64;
            runs.iter().for_each(|(_, run)| references.run(run, since));
            let Some((mark, _)) = runs.last() else {
                break;
            };
            after = Some(mark.clone());
            tokio::time::sleep(PAUSE).await;
        }
    }
    let kept = state.call(|store| store.kept(KeptKind::Snapshot)).await?;
    kept.iter().for_each(|kept| references.kept(kept));
    Ok(records + kept.len() as u64)
}
