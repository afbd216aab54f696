//! The farm at a past moment: the newest checkpoint before it, and the lines of history from there.

use farm_bucket::BucketError;
use farm_core::page::at::{self, Checkpoint, Past};
use farm_model::Timestamp;
use farm_model::record::Transition;
use farm_model::view::BuildView;
use jiff::SignedDuration;

use super::Dashboard;
use super::trouble::Trouble;

/// What happened so long ago has been written down.
const WRITTEN: SignedDuration = SignedDuration::from_secs(60);
/// Hours of lines that are read for one page.
const MOST_HOURS: usize = 24 * 7;
/// Their bytes.
const MOST_BYTES: u64 = 64 << 20;

/// A moment, and the lines of history of the hours from its checkpoint on.
pub(super) struct Loaded {
    pub(super) past: Past,
    pub(super) lines: Vec<Transition>,
}

/// What a query's `at` says, in whole seconds, so that all who ask within one see the same page; nothing where there is
/// none.
pub(super) fn moment(at: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Trouble> {
    let Some(text) = at.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let shown: String = text.chars().take(60).collect();
    // A plus sign that was not encoded arrives as a space.
    let plus = || text.replacen(' ', "+", 1).parse();
    let at: Timestamp = text.parse().or_else(|_| plus()).map_err(|_| {
        Trouble::Unclear(format!(
            "{shown:?} is no moment. Write one as 2026-11-24T15:04:05Z, or with an offset as 2026-11-24T16:04:05+01:00."
        ))
    })?;
    if at > now {
        return Err(Trouble::Unclear(format!(
            "{at} has not come yet: it is {} now.",
            now.strftime("%Y-%m-%dT%H:%M:%SZ")
        )));
    }
    Ok(Some(Timestamp::from_second(at.as_second()).unwrap_or(at)))
}

/// Whether all that happened until `at` has been written down.
pub(super) fn is_settled(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > WRITTEN
}

/// The farm at the moment `at`.
pub(super) async fn load(dashboard: &Dashboard, at: Timestamp) -> Result<Loaded, Trouble> {
    load_until(dashboard, at, at).await
}

/// The same, with lines up to the moment `to`.
pub(super) async fn load_until(
    dashboard: &Dashboard,
    at: Timestamp,
    to: Timestamp,
) -> Result<Loaded, Trouble> {
    let _turn = dashboard
        .turns
        .wait("Too many look at past moments at once.")
        .await?;
    let Some(checkpoint) = dashboard.bucket.get_checkpoint(at).await? else {
        return Err(Trouble::Missing(format!(
            "Nothing is known of {at}: it lies before the first moment that this farm has kept."
        )));
    };
    let checkpoint: Checkpoint = serde_json::from_slice(&checkpoint)
        .map_err(|error| Trouble::Away(format!("a checkpoint cannot be read: {error}")))?;
    let lines = lines(dashboard, checkpoint.at, to).await?;
    let past = Past::rebuild(checkpoint, &lines, at);
    Ok(Loaded { past, lines })
}

/// The lines of the hours from that of `from` to that of `to`.
async fn lines(
    dashboard: &Dashboard,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Transition>, Trouble> {
    let too_much = |error| match error {
        BucketError::TooMany { .. } | BucketError::TooLarge { .. } => Trouble::Unclear(format!(
            "Too much happened between {from} and {to}: choose moments that lie closer together."
        )),
        other => other.into(),
    };
    let bucket = &dashboard.bucket;
    let hours = bucket.list_history_between(from, to, MOST_HOURS).await;
    let (mut lines, mut left) = (Vec::new(), MOST_BYTES);
    for start in hours.map_err(too_much)? {
        let text = bucket.get_history_within(start, left).await;
        let text = text.map_err(too_much)?.unwrap_or_default();
        left = left.saturating_sub(text.len() as u64);
        let full = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        // A line of another version of the farm is passed over rather than the page refused.
        lines.extend(full.filter_map(|line| serde_json::from_slice::<Transition>(line).ok()));
    }
    Ok(lines)
}

/// A build at a past moment.
pub(super) fn build(now: &BuildView, at: Timestamp) -> Result<BuildView, Trouble> {
    at::build(now, at).ok_or_else(|| {
        Trouble::Missing(format!(
            "This build was not wanted yet at {at}: it was first wanted at {}.",
            now.build.wanted
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_rfc_3339_and_not_in_the_future() {
        let now: Timestamp = "2026-11-24T15:00:00Z".parse().unwrap();
        let read = |text| moment(text, now).map_err(|trouble| format!("{trouble:?}"));
        assert_eq!(read(None), Ok(None));
        assert_eq!(read(Some(" ")), Ok(None));
        let moment: Timestamp = "2026-11-24T13:30:00Z".parse().unwrap();
        for text in [
            "2026-11-24T13:30:00Z",
            "2026-11-24T14:30:00+01:00",
            "2026-11-24T14:30:00 01:00",
            "2026-11-24 13:30:00Z",
            "2026-11-24T13:30:00.999999999Z",
        ] {
            assert_eq!(read(Some(text)), Ok(Some(moment)), "{text}");
        }
        for text in [
            "yesterday",
            "2026-11-24T13:30:00",
            "2026-13-01T00:00:00Z",
            "1764000000",
        ] {
            let error = read(Some(text)).unwrap_err();
            assert!(
                error.contains("Unclear") && error.contains("Write one as"),
                "{error}"
            );
        }
        let error = read(Some("2026-11-24T15:00:01Z")).unwrap_err();
        assert!(error.contains("has not come yet"), "{error}");
    }
}
