//! The farm's numbers, in one place.

use jiff::{SignedDuration, Timestamp};

/// How long things may take and how often they are tried.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Silence of a hub, or absence of an attempt from its heartbeats, that counts as loss.
    pub grace: SignedDuration,
    /// How long a hub has to accept what it was offered.
    pub offer: SignedDuration,
    /// First pause after a loss; doubles with each.
    pub back_off: SignedDuration,
    /// Longest pause after a loss.
    pub back_off_cap: SignedDuration,
    /// A pause between two looks at the time that means that this process slept, and so did not listen.
    pub slept: SignedDuration,
    /// How long after a loss a job waits for another machine than the one that lost it.
    pub elsewhere: SignedDuration,
    /// Pause after a refusal, which counts against nobody.
    pub refused_pause: SignedDuration,
    /// How long a machine is kept as a job left it, for the run's next job.
    pub hold: SignedDuration,
    /// How long a run may take from its first attempt on.
    pub run_limit: SignedDuration,
    /// How long a run may wait for its first attempt.
    pub wait_limit: SignedDuration,
    /// How long a build that is over and not shown stays in memory.
    pub remembered: SignedDuration,
    /// How much later than its limit an attempt is given up though its hub still speaks of it.
    pub overtime: SignedDuration,
    /// How much later than a tip's, by rank, a build of history is due, for each commit it lies behind.
    pub history_delay: SignedDuration,
    /// How long a machine is away before its owner is told.
    pub missing_after: SignedDuration,
    /// How long one must have listened before a machine that is not heard of counts as away, and before owners are told.
    pub settle: SignedDuration,
    /// How long a de-duplication key is remembered.
    pub inbox_kept: SignedDuration,
    /// How long a feed event is kept once there are more than `feed_floor`.
    pub feed_kept: SignedDuration,
    /// Feed events kept whatever their age.
    pub feed_floor: usize,
    /// How long the database keeps transitions; the bucket keeps them for good.
    pub history_kept: SignedDuration,
    /// How long the log of decisions is kept.
    pub decisions_kept: SignedDuration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            grace: SignedDuration::from_secs(20),
            offer: SignedDuration::from_secs(60),
            back_off: SignedDuration::from_millis(500),
            back_off_cap: SignedDuration::from_secs(60),
            slept: SignedDuration::from_secs(3),
            elsewhere: SignedDuration::from_hours(1),
            refused_pause: SignedDuration::from_millis(200),
            hold: SignedDuration::from_mins(2),
            run_limit: SignedDuration::from_hours(48),
            wait_limit: SignedDuration::from_hours(14 * 24),
            remembered: SignedDuration::from_hours(1),
            overtime: SignedDuration::from_mins(10),
            history_delay: SignedDuration::from_secs(600),
            missing_after: SignedDuration::from_hours(1),
            settle: SignedDuration::from_mins(5),
            inbox_kept: SignedDuration::from_hours(7 * 24),
            feed_kept: SignedDuration::from_hours(1),
            feed_floor: 50,
            history_kept: SignedDuration::from_hours(7 * 24),
            decisions_kept: SignedDuration::from_hours(7 * 24),
        }
    }
}

impl Policy {
    /// When a job may be tried again after its `losses`-th loss (from 1).
    #[must_use]
    pub fn after_loss(&self, now: Timestamp, losses: u32) -> Timestamp {
        let factor = 1_i32 << losses.saturating_sub(1).min(16);
        let pause = self.back_off.saturating_mul(factor).min(self.back_off_cap);
        later(now, pause)
    }

    /// When a job may be offered again after its `row`-th refusal in a row: at once, and slower after ten.
    #[must_use]
    pub fn after_refusal(&self, now: Timestamp, row: u32) -> Timestamp {
        let factor = 1_i32 << row.saturating_sub(10).min(16);
        later(
            now,
            self.refused_pause
                .saturating_mul(factor)
                .min(self.back_off_cap),
        )
    }
}

/// `now` plus `pause`, at most the end of time.
#[must_use]
pub fn later(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// `now` less `age`, at least the start of time.
#[must_use]
pub fn earlier(now: Timestamp, age: SignedDuration) -> Timestamp {
    now.checked_sub(age).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let policy = Policy::default();
        let at = |losses| {
            policy
                .after_loss(Timestamp::UNIX_EPOCH, losses)
                .as_millisecond()
        };
        assert_eq!([at(1), at(2), at(3), at(30)], [500, 1000, 2000, 60_000]);
    }
}
