//! Numbers and times as people read them.

use std::fmt::Display;

use farm_model::Timestamp;

/// `1,203,344`.
pub(super) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How long ago `since` was, in its two largest units: `5 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`.
pub(super) fn ago(since: &Timestamp, now: &Timestamp) -> String {
    let seconds = now.duration_since(*since).as_secs().max(0);
    let (days, hours, minutes, rest) = (
        seconds / 86_400,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    );
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// `0.4 ms`, `12 ms`, `1,203 ms`.
pub(super) fn milliseconds(value: &f64) -> String {
    if *value < 10.0 {
        format!("{value:.1} ms")
    } else {
        format!("{} ms", grouped(value.round()))
    }
}

/// `0.02 s`, `75 s`.
pub(super) fn seconds(value: &f64) -> String {
    if *value < 10.0 {
        format!("{value:.2} s")
    } else {
        format!("{} s", grouped(value.round()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_their_two_largest_units() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let said = [-3, 0, 59, 61, 7_380, 90_000].map(|second| ago(&at(0), &at(second)));
        let want = ["0 s", "0 s", "59 s", "1 min 1 s", "2 h 3 min", "1 d 1 h"];
        assert_eq!(said, want);
    }

    #[test]
    fn numbers_are_rounded_to_what_matters() {
        let said = [0.04, 9.96, 12.6, 1_203.4].map(|value| milliseconds(&value));
        assert_eq!(said, ["0.0 ms", "10.0 ms", "13 ms", "1,203 ms"]);
        assert_eq!(
            [0.021, 75.2].map(|value| seconds(&value)),
            ["0.02 s", "75 s"]
        );
    }
}
