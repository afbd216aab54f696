//! A single range of bytes in a request (RFC 9110 14).

use std::ops::Range;

/// What a `Range` field asks of something of a length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it: there is no field, or none that must be followed.
    Whole,
    /// These bytes, at least one.
    Bytes(Range<u64>),
    /// Bytes that are not there.
    Unsatisfiable,
}

/// Reads `field` for something of `size` bytes. Several ranges and what does not parse ask for the whole.
pub fn part(field: Option<&str>, size: u64) -> Part {
    let Some(range) = field.and_then(|field| field.trim().strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return Part::Whole;
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => {
            satisfied(first..size.min(last.saturating_add(1)))
        }
        (Some(first), None) if last.is_empty() => satisfied(first..size),
        (None, Some(length)) if first.is_empty() => satisfied(size.saturating_sub(length)..size),
        _ => Part::Whole,
    }
}

fn satisfied(range: Range<u64>) -> Part {
    if range.is_empty() {
        Part::Unsatisfiable
    } else {
        Part::Bytes(range)
    }
}

/// Digits alone. More than fit are more than there is of anything.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_followed() {
        for (field, expected) in [
            ("bytes=0-4", 0..5),
            ("bytes=5-", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
            ("bytes=9-99999999999999999999999", 9..10),
            ("bytes=0-0", 0..1),
        ] {
            assert_eq!(part(Some(field), 10), Part::Bytes(expected), "{field}");
        }
    }

    #[test]
    fn what_is_behind_the_end_cannot_be_satisfied() {
        for field in [
            "bytes=10-",
            "bytes=10-12",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(part(Some(field), 10), Part::Unsatisfiable, "{field}");
        }
        assert_eq!(part(Some("bytes=0-"), 0), Part::Unsatisfiable);
    }

    #[test]
    fn all_else_asks_for_the_whole() {
        for field in [
            "bytes=0-1,3-4",
            "bytes=4-2",
            "bytes=-",
            "bytes=a-b",
            "bytes=1",
            "lines=1-2",
            "bytes=+1-2",
            "",
        ] {
            assert_eq!(part(Some(field), 10), Part::Whole, "{field}");
        }
        assert_eq!(part(None, 10), Part::Whole);
    }
}
