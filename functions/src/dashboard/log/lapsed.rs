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
    /// When it was missed.
    now: Timestamp,
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
            now: dashboard.clock.now(),
        }))
    }

    /// For who asks for it.
    pub(super) fn trouble(&self, attempt: &AttemptKey) -> Trouble {
        let (size, ended) = (bytes(self.bytes), self.ended.strftime("%Y-%m-%d"));
        let why = self.why();
        Trouble::Gone(format!(
            "The log of {attempt} had {size}, ended on {ended}, and is no longer kept. {why}"
        ))
    }

    fn why(&self) -> String {
        let Some(days) = self.keep.map(|keep| keep.logs).filter(|days| *days > 0) else {
            return "How long logs are kept, --keep-logs of the coordinator says.".to_owned();
        };
        let went = went(self.ended, days);
        let when = match went <= self.now {
            true => format!("It went on {} or soon after", went.strftime("%Y-%m-%d")),
            false => "It went before its time, or while fewer days were set".to_owned(),
        };
        format!("{when}: logs are kept for {days} days, as --keep-logs of the coordinator says.")
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
        let attempt = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
        let said_at = |keep, now: &str| {
            let lapsed = Lapsed {
                ended: "2026-05-01T10:00:00Z".parse().unwrap(),
                bytes: 54_321,
                keep,
                now: now.parse().unwrap(),
            };
            match lapsed.trouble(&attempt) {
                Trouble::Gone(text) => text,
                other => panic!("{other:?}"),
            }
        };
        let early = said_at(Some(KeepDays::default()), "2026-06-01T00:00:00Z");
        assert!(early.contains("before its time, or while fewer"), "{early}");
        let said = |keep| said_at(keep, "2026-11-01T00:00:00Z");
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
