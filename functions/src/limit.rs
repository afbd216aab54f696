//! How often somebody may ask: a bucket of tokens for each of them, in this instance alone. A gateway in front, and the
//! coordinator behind, count over all instances.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::HeaderMap;
use farm_model::Timestamp;
use parking_lot::Mutex;

/// Those who are told apart; then those who have not asked for a while are forgotten, or else all.
const MOST: usize = 10_000;

/// Buckets.
pub(crate) struct Limit {
    /// How often at once.
    burst: f64,
    /// How often a second, after that.
    rate: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// One asks too often: when to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: ask again in {} s", .0.as_secs())]
pub(crate) struct TooMany(pub(crate) Duration);

impl Limit {
    /// So many at once, and so many a minute.
    pub(crate) fn new(burst: u32, a_minute: u32) -> Self {
        Self {
            burst: f64::from(burst),
            rate: f64::from(a_minute) / 60.0,
            buckets: Mutex::default(),
        }
    }

    /// For commands of somebody who has proved who they are: a person with a script, or a builder's owner who clears a bad day.
    pub(crate) fn commands() -> Self {
        Self::new(300, 120)
    }

    /// For those who have proved nothing.
    pub(crate) fn strangers() -> Self {
        Self::new(30, 30)
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`TooMany`]: it does not count, and is not to be answered.
    pub(crate) fn take(&self, who: &str, now: Timestamp) -> Result<(), TooMany> {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= MOST && !buckets.contains_key(who) {
            buckets.retain(|_, bucket| self.refilled(*bucket, now) < self.burst);
            if buckets.len() >= MOST {
                buckets.clear();
            }
        }
        let bucket = buckets.get(who).copied();
        let tokens = bucket.map_or(self.burst, |bucket| self.refilled(bucket, now));
        let (left, taken) = match tokens {
            1.0.. => (tokens - 1.0, Ok(())),
            _ => {
                let seconds = ((1.0 - tokens) / self.rate).ceil();
                (tokens, Err(TooMany(Duration::from_secs_f64(seconds))))
            }
        };
        let bucket = Bucket {
            tokens: left,
            at: now,
        };
        buckets.insert(who.to_owned(), bucket);
        taken
    }

    fn refilled(&self, bucket: Bucket, now: Timestamp) -> f64 {
        let seconds = now.duration_since(bucket.at).as_secs_f64().max(0.0);
        (bucket.tokens + seconds * self.rate).min(self.burst)
    }
}

/// From where a request comes, as the last proxy on its way saw it: what stands before that, anybody may have written.
pub(crate) fn address(headers: &HeaderMap) -> &str {
    let mut lines = headers.get_all("x-forwarded-for").into_iter();
    let last = lines.next_back().and_then(|line| line.to_str().ok());
    let last = last.and_then(|line| line.rsplit(',').next());
    last.map_or("", str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn after_a_burst_one_waits() {
        let limit = Limit::new(2, 30);
        assert_eq!(limit.take("a", at(0)), Ok(()));
        assert_eq!(limit.take("a", at(0)), Ok(()));
        assert_eq!(limit.take("a", at(0)), Err(TooMany(Duration::from_secs(2))));
        assert_eq!(limit.take("b", at(0)), Ok(()), "each has their own");
        assert_eq!(limit.take("a", at(1)), Err(TooMany(Duration::from_secs(1))));
        assert_eq!(limit.take("a", at(2)), Ok(()));
        // A clock that goes back gives nothing.
        assert!(limit.take("a", at(0)).is_err());
    }

    #[test]
    fn those_who_are_told_apart_are_bounded() {
        let limit = Limit::new(1, 60);
        for n in 0..2 * MOST {
            limit.take(&n.to_string(), at(0)).unwrap();
        }
        assert!(limit.buckets.lock().len() <= MOST);
    }

    #[test]
    fn the_last_proxy_is_believed() {
        let mut headers = HeaderMap::new();
        assert_eq!(address(&headers), "");
        headers.insert("x-forwarded-for", "6.6.6.6, 10.0.0.7".parse().unwrap());
        assert_eq!(address(&headers), "10.0.0.7");
    }
}
