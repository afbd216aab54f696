//! Which part of a log a client asks for (RFC 9110, 14).

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What to answer with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it: no part is asked for, or in a form that may be ignored.
    All,
    /// These bytes, of which there is at least one.
    Part(Range<u64>),
    /// It has no such byte.
    None,
}

impl Asked {
    /// How many bytes that are, of `size`.
    pub(super) fn bytes(&self, size: u64) -> u64 {
        match self {
            Self::All => size,
            Self::Part(part) => part.end - part.start,
            Self::None => 0,
        }
    }
}

/// What `headers` ask for of `size` bytes that have the entity tag `tag`. Several parts at once are answered with all.
pub(super) fn asked(headers: &HeaderMap, size: u64, tag: &str) -> Asked {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::RANGE) else {
        return Asked::All;
    };
    // Whoever has a part of something else gets all of this.
    if text(header::IF_RANGE).is_some_and(|wanted| wanted != tag) {
        return Asked::All;
    }
    part(range, size).unwrap_or(Asked::All)
}

/// `bytes=0-99`, `bytes=100-`, `bytes=-500`; nothing of what has another form.
fn part(range: &str, size: u64) -> Option<Asked> {
    let (unit, range) = range.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let range = match (first, last) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.is_empty() {
        Asked::None
    } else {
        Asked::Part(range)
    })
}

fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &'static str) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        asked(&headers, 1000, "\"a\"")
    }

    #[test]
    fn a_part_is_what_the_log_has_of_it() {
        for (range, part) in [
            ("bytes=0-499", 0..500),
            ("bytes=500-", 500..1000),
            ("bytes=-1", 999..1000),
            ("bytes=-5000", 0..1000),
            ("bytes=990-2000", 990..1000),
            ("Bytes=0-99999999999999999999999", 0..1000),
        ] {
            assert_eq!(of(range), Asked::Part(part), "{range}");
        }
    }

    #[test]
    fn what_lies_behind_the_end_is_refused_and_what_has_no_meaning_is_ignored() {
        for range in ["bytes=1000-", "bytes=1000-1001", "bytes=-0"] {
            assert_eq!(of(range), Asked::None, "{range}");
        }
        for range in [
            "bytes=5-2",
            "bytes=-",
            "bytes=0-1,5-6",
            "lines=1-2",
            "bytes=+1-2",
            "x",
        ] {
            assert_eq!(of(range), Asked::All, "{range}");
        }
    }

    #[test]
    fn a_part_of_something_else_is_answered_with_all() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-1".parse().unwrap());
        headers.insert(header::IF_RANGE, "\"b\"".parse().unwrap());
        assert_eq!(asked(&headers, 10, "\"a\""), Asked::All);
        headers.insert(header::IF_RANGE, "\"a\"".parse().unwrap());
        assert_eq!(asked(&headers, 10, "\"a\""), Asked::Part(0..2));
    }
}
