//! XML as it comes: tags and text out of bytes that are cut anywhere, with other text around the documents.

/// What every report begins with, behind its `<`; all before it is not ours.
const ROOT: &[u8] = b"testsuite";

/// Longest beginning of markup that is not a tag, behind its `<`.
const CDATA: &[u8] = b"![CDATA[";
const COMMENT: &[u8] = b"!--";

/// A part of a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// `<name attributes>`, without the angles; of one that is too long, its beginning.
    Open(&'a str),
    /// `</name>`; of `<name/>`, too, right after its [`Token::Open`].
    Close,
    /// Text as it stands there.
    Text {
        /// The text, or a piece of it.
        text: &'a str,
        /// Whether there may be entities in it.
        escaped: bool,
    },
    /// What was open is not closed any more: another document begins.
    BrokenOff,
}

/// Cuts bytes into tokens.
pub struct Tokens {
    limit: usize,
    state: State,
    /// Of the token that is not complete.
    buffer: Vec<u8>,
    /// Elements that are open.
    depth: usize,
}

#[derive(Clone, Copy)]
enum State {
    /// Not in a document: so many bytes of `<testsuite` have come.
    Outside(usize),
    Text,
    /// Behind a `<`.
    Begun,
    /// In a tag, in what quotes, and which byte came last.
    Tag {
        quote: Option<u8>,
        last: u8,
    },
    /// In a comment, an instruction or a declaration, of which the bytes matter that end it.
    Skipped {
        end: &'static [u8],
        seen: usize,
    },
    /// In a section, of whose end so many bytes have come.
    Cdata {
        seen: usize,
    },
}

impl Tokens {
    /// Tokens of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(16),
            state: State::Outside(0),
            buffer: Vec::new(),
            depth: 0,
        }
    }

    /// Calls `each` for every token that `bytes` complete.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Token<'_>)) {
        for byte in bytes {
            self.state = self.next(*byte, &mut each);
        }
    }

    fn next(&mut self, byte: u8, each: &mut impl FnMut(Token<'_>)) -> State {
        match self.state {
            State::Outside(seen) => self.outside(seen, byte),
            State::Text if byte == b'<' => {
                self.flush(true, each);
                State::Begun
            }
            State::Text => {
                self.text(byte, each);
                State::Text
            }
            State::Begun => self.begun(byte, each),
            State::Tag { quote, last } => self.tag(byte, quote, last, each),
            State::Skipped { end, seen } => match advance(end, seen, byte) {
                seen if seen == end.len() => State::Text,
                seen => State::Skipped { end, seen },
            },
            State::Cdata { seen } => self.cdata(byte, seen, each),
        }
    }

    fn outside(&mut self, seen: usize, byte: u8) -> State {
        let seen = match seen {
            0 => usize::from(byte == b'<'),
            _ if ROOT.get(seen - 1) == Some(&byte) => seen + 1,
            _ => usize::from(byte == b'<'),
        };
        if seen <= ROOT.len() {
            return State::Outside(seen);
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(ROOT);
        State::Tag {
            quote: None,
            last: byte,
        }
    }

    /// Behind `<`: what kind of markup is it?
    fn begun(&mut self, byte: u8, each: &mut impl FnMut(Token<'_>)) -> State {
        self.buffer.push(byte);
        let skipped = |end| State::Skipped { end, seen: 0 };
        let state = match self.buffer.as_slice() {
            b"?" => {
                // Instructions stand before a document, not in one.
                self.depth = 0;
                each(Token::BrokenOff);
                State::Outside(0)
            }
            COMMENT => skipped(b"-->"),
            CDATA => State::Cdata { seen: 0 },
            begun if COMMENT.starts_with(begun) || CDATA.starts_with(begun) => return State::Begun,
            [b'!', ..] => skipped(b">"),
            _ => {
                self.buffer.clear();
                return self.tag(byte, None, 0, each);
            }
        };
        self.buffer.clear();
        state
    }

    fn tag(
        &mut self,
        byte: u8,
        quote: Option<u8>,
        last: u8,
        each: &mut impl FnMut(Token<'_>),
    ) -> State {
        let quote = match quote {
            Some(open) if open == byte => None,
            None if byte == b'>' => return self.tag_ends(last, each),
            None if byte == b'"' || byte == b'\'' => Some(byte),
            same => same,
        };
        if self.buffer.len() < self.limit {
            self.buffer.push(byte);
        }
        State::Tag { quote, last: byte }
    }

    fn tag_ends(&mut self, last: u8, each: &mut impl FnMut(Token<'_>)) -> State {
        let closes = self.buffer.first() == Some(&b'/');
        if !closes {
            let tag = self.buffer.strip_suffix(b"/").unwrap_or(&self.buffer);
            each(Token::Open(&String::from_utf8_lossy(tag)));
            self.depth += 1;
        }
        if closes || last == b'/' {
            each(Token::Close);
            self.depth = self.depth.saturating_sub(1);
        }
        self.buffer.clear();
        if self.depth == 0 {
            State::Outside(0)
        } else {
            State::Text
        }
    }

    fn cdata(&mut self, byte: u8, seen: usize, each: &mut impl FnMut(Token<'_>)) -> State {
        let end = b"]]>";
        let seen = advance(end, seen, byte);
        if seen == end.len() {
            let text = self.buffer.len().saturating_sub(end.len() - 1);
            self.buffer.truncate(text);
            self.flush(false, each);
            return State::Text;
        }
        self.buffer.push(byte);
        if self.buffer.len() >= self.limit {
            // What may be the end is not given out.
            let end = self.buffer.split_off(self.buffer.len() - seen);
            self.flush(false, each);
            self.buffer = end;
        }
        State::Cdata { seen }
    }

    fn text(&mut self, byte: u8, each: &mut impl FnMut(Token<'_>)) {
        self.buffer.push(byte);
        if self.buffer.len() >= self.limit {
            self.flush(true, each);
        }
    }

    fn flush(&mut self, escaped: bool, each: &mut impl FnMut(Token<'_>)) {
        if !self.buffer.is_empty() {
            let text = &String::from_utf8_lossy(&self.buffer);
            each(Token::Text { text, escaped });
            self.buffer.clear();
        }
    }
}

/// How many bytes of `end` have come, of which `seen` had, once `byte` has.
fn advance(end: &[u8], seen: usize, byte: u8) -> usize {
    if end.get(seen) == Some(&byte) {
        return seen + 1;
    }
    // `]]]>`, `--->`: the end may begin later, with the same byte.
    let doubled = seen > 1 && seen == end.len() - 1 && end[0] == byte;
    if doubled {
        seen
    } else {
        usize::from(end.first() == Some(&byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_seems_to_end_for_ever_is_given_out_in_pieces() {
        let mut tokens = Tokens::new(64);
        tokens.push(b"<testsuite><![CDATA[", |_| {});
        let (mut said, mut held) = (0, 0);
        for _ in 0..1000 {
            tokens.push(&[b']'; 1000], |token| match token {
                Token::Text { text, .. } => said += text.len(),
                other => panic!("{other:?}"),
            });
            held = held.max(tokens.buffer.len());
        }
        assert!(held <= 64, "{held}");
        tokens.push(b"]]>", |token| match token {
            Token::Text { text, .. } => said += text.len(),
            other => panic!("{other:?}"),
        });
        assert_eq!(said, 1_000_000);
    }
}
