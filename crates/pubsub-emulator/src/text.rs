//! Times as JSON and headers spell them.

use prost_types::Timestamp;

/// RFC 3339 in UTC, `2026-11-24T14:00:00.123456Z`.
pub(crate) fn timestamp(time: &Timestamp) -> String {
    jiff::Timestamp::new(time.seconds, time.nanos).map_or_else(|_| String::new(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        let time = Timestamp {
            seconds: 1_700_000_000,
            nanos: 5_000_000,
        };
        assert_eq!(timestamp(&time), "2023-11-14T22:13:20.005Z");
    }
}
