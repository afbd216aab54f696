//! What has been told to whom: whoever tells claims the telling first, and confirms it afterwards.
//!
//! Only objects that are written once are needed, which every store has: `said/<key>/1` is the first claim, `/2` the one
//! after it, taken once the first has expired unconfirmed; `said/<key>/told` ends it for good. A telling is done twice only
//! where whoever claimed it ended, or took longer than the claim lasts, between sending and confirming.

use farm_model::Timestamp;
use object_store::PutPayload;
use serde_json::{Value, json};

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError, Stored};

/// Of one object, in bytes.
const LARGEST: u64 = 4 << 10;
/// Claims of one telling; so many that ended unconfirmed are trouble of another kind.
const MOST: u32 = 100;

/// What came of a wish to tell something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Whoever asked is to tell it, and nobody else is until the claim expires.
    Ours(Claimed),
    /// Somebody else is about to, until then.
    Theirs {
        /// When that claim expires.
        until: Timestamp,
    },
    /// It has been told.
    Told,
}

/// The right, and the duty, to tell something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    key: String,
    number: u32,
    until: Timestamp,
}

impl Bucket {
    /// Claims the telling `key` (letters, digits, `.`, `_`, `=` and `-`) from `now` to `until`. It must be far enough away for
    /// the telling to be over by then, and for clocks to differ.
    ///
    /// # Errors
    /// [`BucketError`]; also where claims end unconfirmed again and again.
    pub async fn claim(
        &self,
        key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, BucketError> {
        if self.read_said(&said_key(key, "told")?).await?.is_some() {
            return Ok(Claim::Told);
        }
        for number in 1..=MOST {
            match self.claim_as(key, number, now, until).await? {
                Some(Claim::Ours(_)) if self.is_told_meanwhile(key, number).await? => {
                    return Ok(Claim::Told);
                }
                Some(claim) => return Ok(claim),
                None => {}
            }
        }
        Err(BucketError::Damaged {
            key: format!("said/{key}"),
            reason: format!("{MOST} claims of it have expired unconfirmed"),
        })
    }

    /// The claim of this number; none if that has expired.
    async fn claim_as(
        &self,
        key: &str,
        number: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Claim>, BucketError> {
        let object = said_key(key, &number.to_string())?;
        let made = self.write_said(&object, &json!({ "until": until })).await?;
        if made == Stored::New {
            let key = key.to_owned();
            return Ok(Some(Claim::Ours(Claimed { key, number, until })));
        }
        let Some(found) = self.read_said(&object).await? else {
            // It was released meanwhile: free to whoever asks again.
            return Ok(Some(Claim::Theirs { until: now }));
        };
        let until = moment(&object, &found)?;
        Ok((until > now).then_some(Claim::Theirs { until }))
    }

    /// The claim before may have been confirmed late, after it was found to have expired.
    async fn is_told_meanwhile(&self, key: &str, number: u32) -> Result<bool, BucketError> {
        let late = number > 1;
        Ok(late && self.read_said(&said_key(key, "told")?).await?.is_some())
    }

    /// It was told, `now`: nobody tells it again.
    ///
    /// # Errors
    /// [`BucketError`]: it may be told again once the claim has expired.
    pub async fn confirm(&self, claimed: &Claimed, now: Timestamp) -> Result<(), BucketError> {
        let key = said_key(&claimed.key, "told")?;
        self.write_said(&key, &json!({ "at": now })).await?;
        Ok(())
    }

    /// It is sure, `now`, that it was not told: whoever wants to may try at once. A claim that has expired stays: the next
    /// may rest on it.
    ///
    /// # Errors
    /// [`BucketError`]: then not before the claim has expired.
    pub async fn release(&self, claimed: Claimed, now: Timestamp) -> Result<(), BucketError> {
        if claimed.until <= now {
            return Ok(());
        }
        let key = said_key(&claimed.key, &claimed.number.to_string())?;
        self.remove(&key).await
    }

    async fn write_said(&self, key: &Key, value: &Value) -> Result<Stored, BucketError> {
        let payload = PutPayload::from(value.to_string());
        self.create(key, payload, Wait::ForDisk).await
    }

    async fn read_said(&self, key: &Key) -> Result<Option<Value>, BucketError> {
        let Some(found) = self.get(key).await? else {
            return Ok(None);
        };
        let bytes = self.read(key, found, LARGEST).await?;
        let value = serde_json::from_slice(&bytes).map_err(|error| damaged(key, &error))?;
        Ok(Some(value))
    }
}

fn moment(key: &Key, found: &Value) -> Result<Timestamp, BucketError> {
    let until = found.get("until").and_then(Value::as_str).unwrap_or("");
    until.parse().map_err(|error| damaged(key, &error))
}

fn said_key(key: &str, object: &str) -> Result<Key, BucketError> {
    if key.contains('/') {
        return Err(BucketError::Key {
            key: key.chars().take(200).collect(),
            rule: "what is told has a key of one part, without /",
        });
    }
    Key::new(&format!("said/{key}/{object}"))
}

fn damaged(key: &Key, reason: &dyn std::fmt::Display) -> BucketError {
    BucketError::Damaged {
        key: key.to_string(),
        reason: reason.to_string(),
    }
}
