//! Ranges of bytes: RFC 9110, 14. One range a request: the service knows no lists of them.

use std::ops::Range;

use crate::refusal::Refusal;

/// The bytes that `Range` asks for of an object of `size` bytes; none where it asks for all, or does not read, which RFC
/// 9110 wants ignored.
pub fn asked(header: Option<&str>, size: u64) -> Result<Option<Range<u64>>, Refusal> {
    let Some((first, last)) = header.and_then(parse) else {
        return Ok(None);
    };
    let range = match (first, last) {
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
        (Some(first), None) => first..size,
        (None, Some(length)) => size.saturating_sub(length)..size,
        (None, None) => return Ok(None),
    };
    match range.is_empty() {
        true => Err(Refusal::InvalidRange { size }),
        false => Ok(Some(range)),
    }
}

/// What stands before and after the `-`.
fn parse(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    let (first, last) = (number(first)?, number(last)?);
    match (first, last) {
        (Some(first), Some(last)) if last < first => None,
        both => Some(both),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_with_the_object() {
        for (header, size, expected) in [
            ("bytes=0-0", 5, Some(0..1)),
            ("bytes=1-3", 5, Some(1..4)),
            ("bytes=3-99", 5, Some(3..5)),
            ("bytes=2-", 5, Some(2..5)),
            ("bytes=-2", 5, Some(3..5)),
            ("bytes=-9", 5, Some(0..5)),
            ("bytes=0-18446744073709551615", 5, Some(0..5)),
            ("bytes=3-1", 5, None),
            ("bytes=-", 5, None),
            ("bytes=0-1,3-4", 5, None),
            ("lines=0-1", 5, None),
            ("bytes=a-b", 5, None),
        ] {
            assert_eq!(asked(Some(header), size).unwrap(), expected, "{header}");
        }
        assert_eq!(asked(None, 5).unwrap(), None);
    }

    #[test]
    fn a_range_without_a_byte_of_the_object_is_refused() {
        for (header, size) in [
            ("bytes=5-", 5),
            ("bytes=9-10", 5),
            ("bytes=-0", 5),
            ("bytes=0-", 0),
            ("bytes=-1", 0),
        ] {
            let refused = asked(Some(header), size);
            assert!(
                matches!(refused, Err(Refusal::InvalidRange { .. })),
                "{header}"
            );
        }
    }
}
