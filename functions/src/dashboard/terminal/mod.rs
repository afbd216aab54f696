//! What a terminal makes of bytes: text, ends of lines, styles. Everything else that programs tell terminals is left out.

mod colour;
mod paint;
mod style;

pub(super) use self::paint::Painter;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Characters to be seen; of controls, tabs alone.
    Text(&'a str),
    /// The end of a line.
    Line,
    /// Back to the start of the line, as progress bars do.
    Return,
    /// Parameters of "select graphic rendition" (ECMA-48, 8.3.117).
    Style(&'a str),
}

/// The parts of a text, first to last.
pub(super) struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Takes what `belongs` from the front.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Takes one character that `belongs`.
    fn take_one(&mut self, belongs: impl Fn(char) -> bool) -> Option<char> {
        let first = self.rest.chars().next().filter(|c| belongs(*c))?;
        self.rest = &self.rest[first.len_utf8()..];
        Some(first)
    }

    /// Takes what follows an escape character (ECMA-48): a control sequence, a string such as a window's title, or a
    /// character or two more.
    fn escape(&mut self) -> Option<Token<'a>> {
        match self.rest.chars().next() {
            Some('[') => return self.control_sequence(),
            Some(']' | 'P' | '^' | '_' | 'X') => self.string(),
            Some(' '..='~') => {
                self.take(|c| matches!(c, ' '..='/'));
                self.take_one(|c| matches!(c, '0'..='~'));
            }
            _ => {}
        }
        None
    }

    /// Parameters, then one final byte; what breaks that form is text again.
    fn control_sequence(&mut self) -> Option<Token<'a>> {
        self.take_one(|c| c == '[');
        let parameters = self.take(|c| matches!(c, ' '..='?'));
        let last = self.take_one(|c| matches!(c, '@'..='~'));
        let plain = |c: char| c.is_ascii_digit() || matches!(c, ';' | ':');
        (last == Some('m') && parameters.chars().all(plain)).then_some(Token::Style(parameters))
    }

    /// Ends with BEL or ESC \; a line end means that nobody ended it.
    fn string(&mut self) {
        while let Some(c) = self.take_one(|c| c != '\n') {
            let ends = c == '\u{1b}' && self.take_one(|c| c == '\\').is_some();
            if c == '\u{7}' || ends {
                break;
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let text = self.take(is_seen);
            if !text.is_empty() {
                return Some(Token::Text(text));
            }
            match self.take_one(|_| true)? {
                '\n' => return Some(Token::Line),
                '\r' if !self.rest.starts_with('\n') => return Some(Token::Return),
                '\u{1b}' => {
                    if let Some(style) = self.escape() {
                        return Some(style);
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_seen(c: char) -> bool {
    c == '\t' || !c.is_control()
}

/// One line as text: what is no UTF-8 is replaced, and of what was written over itself, as progress bars are, the last
/// state is left.
pub(super) fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let (mut plain, mut back) = (String::with_capacity(text.len()), false);
    for token in Tokens::of(&text) {
        match token {
            Token::Text(text) => {
                if std::mem::take(&mut back) {
                    plain.clear();
                }
                plain.push_str(text);
            }
            Token::Return => back = true,
            Token::Line | Token::Style(_) => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain_of(text: &str) -> String {
        plain(text.as_bytes())
    }

    #[test]
    fn escapes_and_controls_are_not_seen() {
        assert_eq!(plain_of("\u{1b}[1;31mred\u{1b}[0m\u{1b}[K"), "red");
        assert_eq!(plain_of("\u{1b}]0;title\u{7}a\u{1b}]8;;x\u{1b}\\b"), "ab");
        assert_eq!(plain_of("c\0\u{8}\u{7f}\u{9b}\td"), "c\td");
        assert_eq!(plain_of("\u{1b}(Bx\u{1b}"), "x");
        assert_eq!(plain_of("\u{1b}[31"), "");
        assert_eq!(plain_of("\u{1b}[31\u{e4}"), "\u{e4}");
    }

    #[test]
    fn a_string_that_nobody_ended_ends_with_its_line() {
        let text = "\u{1b}]never ended\nnext";
        let tokens: Vec<Token<'_>> = Tokens::of(text).collect();
        assert_eq!(tokens, [Token::Line, Token::Text("next")]);
    }

    #[test]
    fn of_a_progress_bar_its_last_state_is_left() {
        assert_eq!(plain_of("10 %\r50 %\rdone\r\n"), "done");
        assert_eq!(plain_of("10 %\r50 %\r"), "50 %");
        assert_eq!(plain_of("\r\r"), "");
    }

    #[test]
    fn styles_are_told_with_their_parameters() {
        let tokens: Vec<Token<'_>> = Tokens::of("\u{1b}[1;38:5:9mx\u{1b}[?25l\u{1b}[m").collect();
        let expected = [Token::Style("1;38:5:9"), Token::Text("x"), Token::Style("")];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn any_bytes_are_text_of_some_kind() {
        assert_eq!(plain(b"a\xff\xfeb"), "a\u{fffd}\u{fffd}b");
    }
}
