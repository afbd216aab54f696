//! The filter language of subscriptions: which messages, by their attributes, one receives.
//!
//! Reference: <https://cloud.google.com/pubsub/docs/subscription-message-filter>.

mod parse;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;

pub(crate) use parse::FilterError;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// `attributes:key`: the message has the attribute.
    Has(String),
    /// `attributes.key = "value"`.
    Equals(String, String),
    /// `hasPrefix(attributes.key, "prefix")`.
    HasPrefix(String, String),
    /// `NOT f`, `-f`; also `attributes.key != "value"`, which a message without the key matches.
    Not(Box<Filter>),
    /// `f AND g AND …`, two or more.
    All(Vec<Filter>),
    /// `f OR g OR …`, two or more.
    Any(Vec<Filter>),
}

impl Filter {
    /// Parses a filter; the empty string is no filter.
    ///
    /// # Errors
    /// A filter over 256 bytes or outside the grammar, with the byte where it went wrong.
    pub fn parse(source: &str) -> Result<Option<Filter>, FilterError> {
        parse::parse(source)
    }

    /// Whether a message with these attributes passes.
    pub fn matches(&self, attributes: &HashMap<String, String>) -> bool {
        match self {
            Filter::Has(key) => attributes.contains_key(key),
            Filter::Equals(key, value) => attributes.get(key) == Some(value),
            Filter::HasPrefix(key, prefix) => attributes
                .get(key)
                .is_some_and(|value| value.starts_with(prefix)),
            Filter::Not(inner) => !inner.matches(attributes),
            Filter::All(parts) => parts.iter().all(|part| part.matches(attributes)),
            Filter::Any(parts) => parts.iter().any(|part| part.matches(attributes)),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::Has(key) => write!(f, "attributes:{}", Quoted(key)),
            Filter::Equals(key, value) => {
                write!(f, "attributes.{} = {}", Quoted(key), Quoted(value))
            }
            Filter::HasPrefix(key, prefix) => {
                write!(
                    f,
                    "hasPrefix(attributes.{}, {})",
                    Quoted(key),
                    Quoted(prefix)
                )
            }
            Filter::Not(inner) => write!(f, "NOT ({inner})"),
            Filter::All(parts) => write_joined(f, parts, " AND "),
            Filter::Any(parts) => write_joined(f, parts, " OR "),
        }
    }
}

fn write_joined(f: &mut fmt::Formatter<'_>, parts: &[Filter], joint: &str) -> fmt::Result {
    for (n, part) in parts.iter().enumerate() {
        let joint = if n == 0 { "" } else { joint };
        write!(f, "{joint}({part})")?;
    }
    Ok(())
}

/// A string literal with its escapes.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() && u32::from(c) < 0x100 => {
                    write!(f, "\\x{:02x}", u32::from(c))?
                }
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}
