//! Colours of terminals, brought to the 64 for which the pages have a class: as text each is light enough, and behind text
//! dark enough, that any two can be read together.

/// Two bits each of red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

/// The first sixteen colours, as xterm has them.
const NAMED: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];
/// Steps of the cube of 6 × 6 × 6 that follows them.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

impl Colour {
    /// The nearest one.
    pub(super) fn rgb(red: u8, green: u8, blue: u8) -> Self {
        let step = |of: u8| ((u16::from(of) + 42) / 85) as u8;
        Self {
            red: step(red),
            green: step(green),
            blue: step(blue),
        }
    }

    /// One of 256: sixteen by name, a cube, greys.
    pub(super) fn indexed(index: u8) -> Self {
        let (red, green, blue) = match index {
            0..16 => NAMED[usize::from(index)],
            16..232 => {
                let at = |n: u8| CUBE[usize::from(n % 6)];
                let cube = index - 16;
                (at(cube / 36), at(cube / 6), at(cube))
            }
            232.. => {
                let grey = 8 + 10 * (index - 232);
                (grey, grey, grey)
            }
        };
        Self::rgb(red, green, blue)
    }

    /// The class of text of this colour, `f312`, or of what lies behind it, `b312`.
    pub(super) fn class(self, of: char) -> String {
        format!("{of}{}{}{}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const STYLE: &str = include_str!("../../../templates/style/ansi.css");

    fn luminance(hex: &str) -> f64 {
        let digits: Vec<char> = hex.chars().collect();
        let wide = digits.len() / 3;
        let part = |n: usize| {
            let text: String = digits[n * wide..(n + 1) * wide].iter().collect();
            let text = if wide == 1 { text.repeat(2) } else { text };
            let part = f64::from(u8::from_str_radix(&text, 16).unwrap()) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2)
    }

    /// As WCAG 2 has it.
    fn contrast(light: f64, dark: f64) -> f64 {
        (light + 0.05) / (dark + 0.05)
    }

    /// Class to colour, of rules such as `.f312{color:#abc}`.
    fn rules(start: &str, property: &str) -> BTreeMap<String, f64> {
        let rules = STYLE.split('}').filter_map(|rule| {
            let (name, rule) = rule.trim().split_once('{')?;
            let name = name
                .strip_prefix('.')
                .filter(|name| name.starts_with(start))?;
            let colour = rule.strip_prefix(property)?.strip_prefix(":#")?;
            Some((name.to_owned(), luminance(colour)))
        });
        rules.filter(|(name, _)| name.len() == 4).collect()
    }

    #[test]
    fn every_colour_can_be_read_on_every_other_and_on_the_log() {
        let (text, behind) = (rules("f", "color"), rules("b", "background"));
        assert_eq!((text.len(), behind.len()), (64, 64));
        // The log's own colours in light and dark, and the text that is only dimmed.
        let dim = luminance("9aa4b2");
        for (name, light) in text.iter().chain([(&"sd".to_owned(), &dim)]) {
            for (under, dark) in &behind {
                let contrast = contrast(*light, *dark);
                assert!(contrast >= 4.5, "{name} on {under}: {contrast}");
            }
            for log in ["14171c", "0a0c0f"] {
                assert!(contrast(*light, luminance(log)) >= 4.5, "{name} on {log}");
            }
        }
    }

    #[test]
    fn every_colour_has_a_class() {
        let (text, behind) = (rules("f", "color"), rules("b", "background"));
        for index in 0..=255 {
            let colour = Colour::indexed(index);
            assert!(text.contains_key(&colour.class('f')), "{index}");
            assert!(behind.contains_key(&colour.class('b')), "{index}");
        }
    }

    #[test]
    fn a_colour_becomes_the_nearest() {
        assert_eq!(Colour::rgb(255, 128, 0).class('f'), "f320");
        assert_eq!(Colour::indexed(1).class('f'), "f200");
        assert_eq!(Colour::indexed(196).class('f'), "f300");
        assert_eq!(Colour::indexed(255).class('b'), "b333");
        assert_eq!(Colour::indexed(16).class('b'), "b000");
    }
}
