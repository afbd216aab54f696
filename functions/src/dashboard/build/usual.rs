//! How long something took against how long it usually does.

use super::attempt::seconds;

/// Two bars, one above the other, and what they say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Usual {
    /// `2.1× usual`, `as usual`, `usually 40 s`.
    pub(super) text: String,
    /// Whether it took much longer.
    pub(super) is_long: bool,
    /// Of 100.
    pub(super) took: u32,
    /// The same.
    pub(super) usual: u32,
}

/// What is this much longer is worth a word.
const LONG: f64 = 1.5;
/// Within so much of the usual it is as usual.
const ABOUT: f64 = 0.15;

impl Usual {
    /// Of something that took `took` seconds, or has taken so much until now, and usually takes `usual`.
    pub(super) fn of(took: f64, usual: Option<f64>, is_over: bool) -> Option<Self> {
        let usual = usual.filter(|usual| *usual > 0.0)?;
        let ratio = took / usual;
        let longest = took.max(usual);
        let part = |of: f64| (100.0 * of / longest).round().clamp(1.0, 100.0) as u32;
        Some(Self {
            text: match is_over || ratio > 1.0 + ABOUT {
                true if (ratio - 1.0).abs() <= ABOUT => "as usual".to_owned(),
                true => format!("{ratio:.1}× usual, {}", seconds(usual)),
                false => format!("usually {}", seconds(usual)),
            },
            is_long: ratio >= LONG,
            took: part(took),
            usual: part(usual),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(took: f64, usual: f64, is_over: bool) -> String {
        Usual::of(took, Some(usual), is_over).unwrap().text
    }

    #[test]
    fn it_is_said_by_how_much() {
        assert_eq!(text(21.0, 10.0, true), "2.1× usual, 10 s");
        assert_eq!(text(10.5, 10.0, true), "as usual");
        assert_eq!(text(2.0, 10.0, true), "0.2× usual, 10 s");
        assert_eq!(text(2.0, 10.0, false), "usually 10 s");
        assert_eq!(text(30.0, 10.0, false), "3.0× usual, 10 s");
        assert_eq!(Usual::of(1.0, None, true), None);
        assert_eq!(Usual::of(1.0, Some(0.0), true), None);
    }

    #[test]
    fn the_longer_bar_fills_the_width() {
        let usual = Usual::of(30.0, Some(10.0), true).unwrap();
        assert_eq!((usual.took, usual.usual, usual.is_long), (100, 33, true));
        let usual = Usual::of(5.0, Some(10.0), true).unwrap();
        assert_eq!((usual.took, usual.usual, usual.is_long), (50, 100, false));
    }
}
