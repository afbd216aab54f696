//! How text looks at a point: what "select graphic rendition" adds up to (ECMA-48, 8.3.117; colours as ISO 8613-6 and
//! xterm have them).

use super::colour::Colour;

/// A look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Style {
    text: Option<Colour>,
    behind: Option<Colour>,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
    inverse: bool,
    struck: bool,
}

impl Style {
    /// What `parameters` make of it; those that mean nothing here are passed over.
    pub(super) fn apply(&mut self, parameters: &str) {
        let mut rest = parameters.split(';');
        while let Some(parameter) = rest.next() {
            match parameter.split_once(':') {
                Some((code, sub)) => self.with_sub_parameters(code, sub),
                None => self.one(number(parameter), &mut rest),
            }
        }
    }

    fn one<'a>(&mut self, code: u16, rest: &mut impl Iterator<Item = &'a str>) {
        match code {
            0 => *self = Self::default(),
            1 => self.bold = true,
            2 => self.dim = true,
            3 => self.italic = true,
            4 | 21 => self.underlined = true,
            7 => self.inverse = true,
            9 => self.struck = true,
            22 => (self.bold, self.dim) = (false, false),
            23 => self.italic = false,
            24 => self.underlined = false,
            27 => self.inverse = false,
            29 => self.struck = false,
            38 => self.text = chosen(rest).or(self.text),
            39 => self.text = None,
            48 => self.behind = chosen(rest).or(self.behind),
            49 => self.behind = None,
            // Of the line under text, which has the text's colour here.
            58 => drop(chosen(rest)),
            30..=37 => self.text = Some(named(code - 30)),
            40..=47 => self.behind = Some(named(code - 40)),
            90..=97 => self.text = Some(named(code - 90 + 8)),
            100..=107 => self.behind = Some(named(code - 100 + 8)),
            _ => {}
        }
    }

    /// `4:3`, `38:5:196`, `38:2::255:0:0`.
    fn with_sub_parameters(&mut self, code: &str, sub: &str) {
        let mut parts: Vec<&str> = sub.split(':').collect();
        // The colour space, which nobody names.
        if parts.first() == Some(&"2") && parts.len() > 4 {
            parts.remove(1);
        }
        match number(code) {
            4 => self.underlined = number(sub) != 0,
            38 => self.text = chosen(&mut parts.into_iter()).or(self.text),
            48 => self.behind = chosen(&mut parts.into_iter()).or(self.behind),
            _ => {}
        }
    }

    /// The classes that make it so; none for plain text.
    pub(super) fn classes(self) -> String {
        let plain = self.text.is_none() && self.behind.is_none();
        let (text, behind) = match self.inverse {
            true => (self.behind, self.text),
            false => (self.text, self.behind),
        };
        let mut classes = Vec::new();
        classes.extend(text.map(|colour| colour.class('f')));
        classes.extend(behind.map(|colour| colour.class('b')));
        let flags = [
            (self.inverse && plain, "sv"),
            (self.bold, "sb"),
            (self.dim && plain && !self.inverse, "sd"),
            (self.italic, "si"),
            (self.underlined, "su"),
            (self.struck, "ss"),
        ];
        let flags = flags.into_iter().filter(|(set, _)| *set);
        classes.extend(flags.map(|(_, class)| class.to_owned()));
        classes.join(" ")
    }
}

/// What is missing is 0, and what is no number means nothing.
fn number(text: &str) -> u16 {
    if text.is_empty() {
        return 0;
    }
    text.parse().unwrap_or(u16::MAX)
}

fn named(index: u16) -> Colour {
    Colour::indexed(u8::try_from(index).unwrap_or(u8::MAX))
}

/// What follows 38 and 48: `5;n` or `2;r;g;b`.
fn chosen<'a>(rest: &mut impl Iterator<Item = &'a str>) -> Option<Colour> {
    let mut byte = || u8::try_from(number(rest.next()?)).ok();
    match byte()? {
        5 => byte().map(Colour::indexed),
        2 => Some(Colour::rgb(byte()?, byte()?, byte()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(all: &[&str]) -> String {
        let mut style = Style::default();
        for parameters in all {
            style.apply(parameters);
        }
        style.classes()
    }

    #[test]
    fn parameters_add_up_until_they_are_taken_back() {
        assert_eq!(classes(&["1;31"]), "f200 sb");
        assert_eq!(classes(&["1;31", "22"]), "f200");
        assert_eq!(classes(&["1;3;4;9;44", "0"]), "");
        assert_eq!(classes(&["1;3;4;9;44", ""]), "");
        assert_eq!(classes(&["4;2;3", "24;22;23"]), "");
        assert_eq!(classes(&["9;2"]), "sd ss");
        assert_eq!(classes(&["31;104", "39;49"]), "");
    }

    #[test]
    fn colours_are_named_indexed_or_mixed() {
        assert_eq!(classes(&["38;5;196"]), "f300");
        assert_eq!(classes(&["38;2;255;128;0;1"]), "f320 sb");
        assert_eq!(classes(&["48:2::0:0:255"]), "b003");
        assert_eq!(classes(&["48:2:0:0:255"]), "b003");
        assert_eq!(classes(&["38:5:46;4:3"]), "f030 su");
        assert_eq!(classes(&["58;5;1;97"]), "f333");
        assert_eq!(classes(&["91", "4:0"]), "f300");
    }

    #[test]
    fn inverse_swaps_and_what_makes_no_sense_changes_nothing() {
        assert_eq!(classes(&["7"]), "sv");
        assert_eq!(classes(&["7;31"]), "b200");
        assert_eq!(classes(&["7;31;42", "27"]), "f200 b020");
        assert_eq!(
            classes(&["32", "38;5", "38;9;1", "38;2;1", "999", "38;5;300"]),
            "f020 sb"
        );
    }
}
