//! Logs that were there, and are not kept any more.

use farm_model::Timestamp;
use farm_model::id::AttemptKey;
use farm_model::keep::KeepDays;
use farm_model::record::{Attempt, AttemptState};
use farm_model::view::key;
use jiff::SignedDuration;

use crate::dashboard::Dashboard;
use crate::dashboard::text::bytes;
use crate::dashboard::trouble::Trouble;

/// What is known of a log of which the bucket has nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lapsed {
    /// When its attempt was over.
    ended: Timestamp,
    /// What it had.
    bytes: u64,
    /// For how long the coordinator keeps things, if it says so.
    keep: Option<KeepDays>,
}

impl Lapsed {
    /// What there was, if there was anything.
    pub(super) async fn of(
        dashboard: &Dashboard,
        attempt: &Attempt,
    ) -> Result<Option<Self>, Trouble> {
        let AttemptState::Finished { at, report } = &attempt.state else {
            return Ok(None);
        };
        if report.log.bytes == 0 {
            return Ok(None);
        }
        let status = dashboard.status.get(key::STATUS).await?;
        Ok(Some(Self {
            ended: *at,
            bytes: report.log.bytes,
            keep: status.and_then(|status| status.view.coordinator.keep),
        }))
    }

    /// For who asks for it.
    pub(super) fn trouble(&self, attempt: &AttemptKey) -> Trouble {
        let (size, ended) = (bytes(self.bytes), self.ended.strftime("%Y-%m-%d"));
        let rest = match self.keep.filter(|keep| keep.logs > 0) {
            Some(keep) => {
                let (days, went) = (keep.logs, went(self.ended, keep.logs).strftime("%Y-%m-%d"));
                format!(
                    "It went on {went} or soon after: logs are kept for {days} days, as --keep-logs of the coordinator says."
                )
            }
            None => "How long logs are kept, --keep-logs of the coordinator says.".to_owned(),
        };
        Trouble::Gone(format!(
            "The log of {attempt} had {size}, ended on {ended}, and is no longer kept. {rest}"
        ))
    }
}

fn went(ended: Timestamp, days: u32) -> Timestamp {
    let kept = SignedDuration::from_hours(i64::from(days) * 24);
    ended.checked_add(kept).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_when_it_went_and_which_setting_that_is() {
        let lapsed = |keep| Lapsed {
            ended: "2026-05-01T10:00:00Z".parse().unwrap(),
            bytes: 54_321,
            keep,
        };
        let attempt = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
        let said = |keep| match lapsed(keep).trouble(&attempt) {
            Trouble::Gone(text) => text,
            other => panic!("{other:?}"),
        };
        let text = said(Some(KeepDays::default()));
        assert!(text.contains("on 2026-10-28 or soon after"), "{text}");
        assert!(text.contains("180 days, as --keep-logs"), "{text}");
        let for_ever = KeepDays {
            logs: 0,
            ..KeepDays::default()
        };
        assert_eq!(said(Some(for_ever)), said(None));
        assert!(said(None).contains("--keep-logs of the coordinator"));
    }
}
