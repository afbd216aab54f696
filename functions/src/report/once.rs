//! Once to each: a telling is claimed in the bucket, then done, then confirmed there. A claim that nobody confirmed, since
//! its holder ended in the middle, is taken again when it has expired: only then may somebody be told twice.

use std::future::Future;

use farm_bucket::{Bucket, BucketError, Claim, Claimed};
use farm_runtime::Clock;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

/// How long a claim lasts: longer than any sending may take, and by more than clocks differ.
const CLAIM: SignedDuration = SignedDuration::from_secs(120);

/// What came of a try to tell something.
#[derive(Debug)]
pub(super) enum Sent {
    /// The receiver has it.
    Done,
    /// The receiver will not have it, however often it is offered.
    Refused(String),
    /// The receiver does not have it, and may take it later.
    NotNow(String),
    /// It broke off in the middle: the receiver may have it.
    Unsure(String),
}

/// How it stands now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing is left to do.
    Settled,
    /// It is to be tried again, for this reason.
    Later(String),
}

/// Who has been told what.
pub(super) struct Once {
    bucket: Bucket,
    clock: Clock,
}

impl Once {
    pub(super) fn new(bucket: Bucket, clock: Clock) -> Self {
        Self { bucket, clock }
    }

    /// Has `send` done unless `receiver` has been told of `event` on this channel, or is being told.
    pub(super) async fn tell(
        &self,
        event: &str,
        channel: &str,
        receiver: &str,
        send: impl Future<Output = Sent>,
    ) -> Told {
        let now = self.clock.now();
        let until = now.saturating_add(CLAIM).unwrap_or(now);
        let key = key(event, channel, receiver);
        let claim = self.bucket.claim(&key, now, until);
        let claimed = match claim.await {
            Ok(Claim::Told) => return Told::Settled,
            Ok(Claim::Theirs { until }) => {
                return Told::Later(format!("{channel} is being told until {until}"));
            }
            Ok(Claim::Ours(claimed)) => claimed,
            Err(error) => return Told::Later(error.to_string()),
        };
        match send.await {
            Sent::Done => self.settle(&claimed).await,
            Sent::Refused(why) => {
                tracing::warn!(event, channel, why, "given up: it was refused");
                self.settle(&claimed).await
            }
            Sent::NotNow(why) => self.release(claimed, why).await,
            Sent::Unsure(why) => Told::Later(format!("{channel}: {why}")),
        }
    }

    async fn settle(&self, claimed: &Claimed) -> Told {
        match self.bucket.confirm(claimed, self.clock.now()).await {
            Ok(()) => Told::Settled,
            Err(error) => Told::Later(error.to_string()),
        }
    }

    async fn release(&self, claimed: Claimed, why: String) -> Told {
        let released = self.bucket.release(claimed, self.clock.now()).await;
        let kept = released.map_err(|error: BucketError| error.to_string());
        Told::Later(match kept {
            Ok(()) => why,
            Err(error) => format!("{why}; {error}"),
        })
    }
}

/// Of whom nothing can be read there: addresses are people's.
fn key(event: &str, channel: &str, receiver: &str) -> String {
    hex::encode(Sha256::digest(format!("{event}\n{channel}\n{receiver}")))
}
