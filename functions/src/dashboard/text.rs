//! How times, spans and logs look to people.

use std::fmt;

use farm_model::Timestamp;

/// A moment: in full for machines, short and in UTC for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    /// For the attribute `datetime`.
    pub(super) fn machine(self) -> String {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%-d %b %H:%M:%S UTC"))
    }
}

/// From one moment to another; nothing if the clocks disagree.
pub(super) fn between(from: Timestamp, to: Timestamp) -> String {
    let span = to.duration_since(from).as_millis();
    millis(u64::try_from(span).unwrap_or(0))
}

/// `450 ms`, `1.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(super) fn millis(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..10 => format!("{}.{} s", seconds, millis % 1000 / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// The same of seconds.
pub(super) fn seconds(seconds: f64) -> String {
    millis((seconds.max(0.0) * 1000.0) as u64)
}

/// `812 B`, `3.2 KiB`, `1.0 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", tenths(1024)),
        _ => format!("{} MiB", tenths(0x10_0000)),
    }
}

/// `1,234,567`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The first `most` characters, and a sign where that is not all.
pub(super) fn clipped(text: &str, most: usize) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]).into(),
        None => text.into(),
    }
}

/// `1 line`, `1,234 lines`.
pub(super) fn count(count: u64, of: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{} {of}{end}", thousands(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        let spans = [0, 450, 9_999, 59_999, 200_000, 7_500_000, 273_600_000].map(millis);
        assert_eq!(
            spans,
            [
                "0 ms",
                "450 ms",
                "9.9 s",
                "59 s",
                "3 min 20 s",
                "2 h 5 min",
                "3 d 4 h"
            ]
        );
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(between(at(100), at(112)), "12 s");
        assert_eq!(between(at(112), at(100)), "0 ms");
    }

    #[test]
    fn sizes_have_one_digit_more_than_needed() {
        let sizes = [0, 1023, 1024, 3300, 1 << 20, 5 << 30].map(bytes);
        assert_eq!(
            sizes,
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "3.2 KiB",
                "1.0 MiB",
                "5120.0 MiB"
            ]
        );
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(clipped("äöü", 3), "äöü");
        assert_eq!(clipped("äöü", 2), "äö\u{2026}");
    }

    #[test]
    fn a_moment_is_short_and_in_utc() {
        let moment = Moment("2026-11-05T08:09:10.5Z".parse().unwrap());
        assert_eq!(moment.to_string(), "5 Nov 08:09:10 UTC");
        assert_eq!(moment.machine(), "2026-11-05T08:09:10Z");
    }

    #[test]
    fn large_counts_are_grouped() {
        let counts = [0, 1, 999, 1000, 1_234_567].map(|n| count(n, "line"));
        let expected = [
            "0 lines",
            "1 line",
            "999 lines",
            "1,000 lines",
            "1,234,567 lines",
        ];
        assert_eq!(counts, expected);
    }
}
