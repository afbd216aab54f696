//! Times and lengths as JSON and headers spell them.

use prost_types::{Duration, Timestamp};

/// RFC 3339 in UTC, `2026-11-24T14:00:00.123456Z`.
pub(crate) fn timestamp(time: &Timestamp) -> String {
    jiff::Timestamp::new(time.seconds, time.nanos).map_or_else(|_| String::new(), |t| t.to_string())
}

/// Seconds with a decimal fraction and an `s`: `600s`, `0.1s`.
pub(crate) fn duration(length: &Duration) -> String {
    if length.nanos == 0 {
        return format!("{}s", length.seconds);
    }
    let fraction = format!("{:09}", length.nanos.unsigned_abs());
    let sign = if length.seconds < 0 || length.nanos < 0 {
        "-"
    } else {
        ""
    };
    let seconds = length.seconds.unsigned_abs();
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}

/// Reads what [`duration`] writes.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let nanos = if whole.starts_with('-') {
        -nanos
    } else {
        nanos
    };
    Some(Duration { seconds, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for text in ["600s", "0.1s", "1.000000001s", "-3s", "0s"] {
            let length = parse_duration(text).unwrap();
            assert_eq!(duration(&length), text);
        }
        for text in ["", "10", "s", "1.s2", "x", "1.1234567890s"] {
            assert!(parse_duration(text).is_none(), "{text}");
        }
    }

    #[test]
    fn timestamps_are_rfc_3339() {
        let time = Timestamp {
            seconds: 1_700_000_000,
            nanos: 5_000_000,
        };
        assert_eq!(timestamp(&time), "2023-11-14T22:13:20.005Z");
    }
}
