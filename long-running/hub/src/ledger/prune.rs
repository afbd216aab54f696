//! Records of machines that a pool made go once no key of theirs would be taken without one: there are many, each for hours.

use std::time::Duration;

use farm_bucket::{BucketError, MachineMark};
use farm_model::Timestamp;
use farm_model::id::MachineName;
use farm_model::machine::MachineRecord;
use farm_runtime::Clock;
use jiff::SignedDuration;
use tokio::time::{MissedTickBehavior, interval};

use super::Ledger;
use super::sweep::MAX_RECORDS;

/// How often they are looked for.
const PERIOD: Duration = Duration::from_secs(3600);
/// Over the grace that ended keys have: clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);
/// The most that are looked at each time.
const AT_ONCE: usize = 2_000;

impl Ledger {
    /// Removes them again and again, until it is dropped. `grace`: for how many seconds a key that has ended is taken.
    pub async fn prune(&self, clock: &Clock, grace: i64) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut after = None;
        loop {
            ticks.tick().await;
            match self.pruned(clock.now(), grace, after.take()).await {
                Ok(last) => after = last,
                Err(error) => {
                    tracing::warn!(%error, "records of machines that are over stay for now")
                }
            }
        }
    }

    /// Looks at the next ones behind the name `after`, and returns the last of them; none where these were the last of all.
    pub(super) async fn pruned(
        &self,
        now: Timestamp,
        grace: i64,
        after: Option<MachineName>,
    ) -> Result<Option<MachineName>, BucketError> {
        let keep = SignedDuration::from_secs(grace).saturating_add(MARGIN);
        let marks = self.bucket.machine_marks(MAX_RECORDS).await?;
        let next = marks.into_iter().filter(|(name, mark)| {
            // A record is written before the machine's time is over.
            after.as_ref().is_none_or(|after| name > after) && is_old(mark, now, keep)
        });
        let next: Vec<MachineName> = next.map(|(name, _)| name).take(AT_ONCE).collect();
        for name in &next {
            let found = self.bucket.get_machine(name).await?;
            if found.is_some_and(|found| is_over(&found.record, now, keep)) {
                self.bucket.remove_machine(name).await?;
            }
        }
        Ok(next.last().filter(|_| next.len() == AT_ONCE).cloned())
    }
}

fn is_old(mark: &MachineMark, now: Timestamp, keep: SignedDuration) -> bool {
    now.duration_since(mark.changed()) >= keep
}

fn is_over(record: &MachineRecord, now: Timestamp, keep: SignedDuration) -> bool {
    let once = record.once.as_ref();
    once.is_some_and(|once| now.duration_since(once.until) >= keep)
}
