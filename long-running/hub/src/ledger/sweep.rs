//! Looking again: a machine that was revoked is cut off although it stays connected.

use std::collections::BTreeMap;
use std::time::Duration;

use farm_bucket::MachineMark;
use farm_model::id::MachineName;
use futures::{StreamExt, stream};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::Ledger;
use super::known::Answer;

/// For the bucket to say what records there are.
const LIST: Duration = Duration::from_secs(10);
/// The most records of a farm.
pub(super) const MAX_RECORDS: usize = 100_000;
/// Records read at once.
const AT_ONCE: usize = 16;

impl Ledger {
    /// Looks again and again, until it is dropped.
    pub async fn sweep(&self) {
        let mut ticks = interval(self.settings.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent = false;
        loop {
            ticks.tick().await;
            let marks = timeout(LIST, self.bucket.machine_marks(MAX_RECORDS)).await;
            let error = match marks {
                Ok(Ok(marks)) => {
                    self.read_again(&marks).await;
                    silent = false;
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", LIST.as_secs()),
            };
            if !silent {
                tracing::warn!(%error, "cannot see which machines were revoked");
            }
            silent = true;
        }
    }

    /// Reads what has changed of the records of connected machines.
    async fn read_again(&self, marks: &BTreeMap<MachineName, MachineMark>) {
        let stale = self.known.lock().stale(|name| marks.get(name));
        let reads = stale.into_iter().map(|name| async move {
            let record = self.read(&name).await;
            (name, record)
        });
        let mut reads = stream::iter(reads).buffer_unordered(AT_ONCE);
        let mut changed = false;
        while let Some((name, record)) = reads.next().await {
            if let Some(record) = record {
                let mark = marks.get(&name).cloned();
                changed |= self.known.lock().note(&name, Answer::Read(record), mark);
            }
        }
        if changed {
            self.turn.send_modify(|turn| *turn += 1);
        }
    }
}
