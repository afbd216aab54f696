//! A parser by descent, without a separate lexer: `-` is an operator before an operand and a
//! letter inside a key, so only the parser knows which it is.

use super::Filter;

/// Longest filter the service takes, in bytes. It also bounds the depth of the descent.
const LONGEST: usize = 256;

/// Why a filter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid filter at byte {at}: {problem}")]
pub(crate) struct FilterError {
    pub at: usize,
    pub problem: String,
}

pub(super) fn parse(source: &str) -> Result<Option<Filter>, FilterError> {
    if source.len() > LONGEST {
        return Err(FilterError {
            at: LONGEST,
            problem: format!("longer than {LONGEST} bytes"),
        });
    }
    let mut parser = Parser { source, at: 0 };
    parser.space();
    if parser.rest().is_empty() {
        return Ok(None);
    }
    let filter = parser.expression()?;
    if parser.rest().is_empty() {
        Ok(Some(filter))
    } else {
        parser.fail("expected AND, OR or the end")
    }
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// `unary (AND unary)*` or `unary (OR unary)*`; a mixture needs parentheses.
    fn expression(&mut self) -> Result<Filter, FilterError> {
        let first = self.unary()?;
        let (word, other, join): (_, _, fn(Vec<Filter>) -> Filter) = if self.at_word("AND") {
            ("AND", "OR", Filter::All)
        } else if self.at_word("OR") {
            ("OR", "AND", Filter::Any)
        } else {
            return Ok(first);
        };
        let mut parts = vec![first];
        while self.take_word(word) {
            parts.push(self.unary()?);
        }
        if self.at_word(other) {
            return self.fail("AND and OR can be combined only with parentheses");
        }
        Ok(join(parts))
    }

    fn unary(&mut self) -> Result<Filter, FilterError> {
        if self.take_word("NOT") || self.take("-") {
            return Ok(Filter::Not(Box::new(self.unary()?)));
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Filter, FilterError> {
        if self.take("(") {
            let inner = self.expression()?;
            self.need(")")?;
            Ok(inner)
        } else if self.take_word("hasPrefix") {
            self.has_prefix()
        } else if self.take_word("attributes") {
            self.attribute()
        } else {
            self.fail("expected attributes, hasPrefix, NOT or (")
        }
    }

    fn has_prefix(&mut self) -> Result<Filter, FilterError> {
        self.need("(")?;
        if !self.take_word("attributes") {
            return self.fail("expected attributes.KEY");
        }
        self.need(".")?;
        let key = self.key()?;
        self.need(",")?;
        let prefix = self.string()?;
        self.need(")")?;
        Ok(Filter::HasPrefix(key, prefix))
    }

    fn attribute(&mut self) -> Result<Filter, FilterError> {
        if self.take(":") {
            return Ok(Filter::Has(self.key()?));
        }
        self.need(".")?;
        let key = self.key()?;
        if self.take("!=") {
            let equals = Filter::Equals(key, self.string()?);
            return Ok(Filter::Not(Box::new(equals)));
        }
        self.need("=")?;
        Ok(Filter::Equals(key, self.string()?))
    }

    /// A bare key, or any key as a string literal.
    fn key(&mut self) -> Result<String, FilterError> {
        if self.rest().starts_with('"') {
            return self.string();
        }
        let length = self.rest().bytes().take_while(|b| is_key(*b)).count();
        if length == 0 {
            return self.fail("expected an attribute key");
        }
        let key = self.rest()[..length].to_owned();
        self.skip(length);
        Ok(key)
    }

    fn string(&mut self) -> Result<String, FilterError> {
        if !self.rest().starts_with('"') {
            return self.fail("expected a string in double quotes");
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.rest().chars().next() {
                None => return self.fail("the string does not end"),
                Some('"') => {
                    self.skip(1);
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                Some(c) => {
                    text.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// `\n`, `\"`, `\x41`, `\u00e4`, `\U0001f600`, `\101` and their like.
    fn escape(&mut self) -> Result<char, FilterError> {
        self.at += 1;
        let Some(letter) = self.rest().chars().next() else {
            return self.fail("the string does not end");
        };
        let simple = match letter {
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            '\\' | '"' | '\'' | '?' | '`' => Some(letter),
            _ => None,
        };
        if let Some(c) = simple {
            self.at += 1;
            return Ok(c);
        }
        match letter {
            'x' | 'X' => self.code(1, 2, 16),
            'u' => self.code(1, 4, 16),
            'U' => self.code(1, 8, 16),
            '0'..='3' => self.code(0, 3, 8),
            _ => self.fail("unknown escape"),
        }
    }

    fn code(&mut self, skip: usize, digits: usize, radix: u32) -> Result<char, FilterError> {
        let read = self
            .rest()
            .get(skip..skip + digits)
            .filter(|text| text.bytes().all(|b| b.is_ascii_alphanumeric()))
            .and_then(|text| u32::from_str_radix(text, radix).ok())
            .and_then(char::from_u32);
        match read {
            Some(c) => {
                self.at += skip + digits;
                Ok(c)
            }
            None => self.fail("malformed escape"),
        }
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.space();
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.skip(symbol.len());
        }
        found
    }

    fn need(&mut self, symbol: &str) -> Result<(), FilterError> {
        if self.take(symbol) {
            Ok(())
        } else {
            self.fail(&format!("expected {symbol}"))
        }
    }

    fn at_word(&self, word: &str) -> bool {
        self.rest()
            .strip_prefix(word)
            .is_some_and(|after| !after.bytes().next().is_some_and(is_key))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.skip(word.len());
        }
        found
    }

    fn fail<T>(&self, problem: &str) -> Result<T, FilterError> {
        Err(FilterError {
            at: self.at,
            problem: problem.to_owned(),
        })
    }
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}
