//! One trace from the webhook to the result: the W3C `traceparent` that events carry as an extension (design 2;
//! <https://www.w3.org/TR/trace-context/#traceparent-header>).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// The CloudEvents extension, and the HTTP header.
pub const TRACEPARENT: &str = "traceparent";

/// Bytes of version 00: `00-<32 digits>-<16 digits>-<2 digits>`.
const LENGTH: usize = 55;

/// Where in which trace something happened: a trace, a span of it, and whether it is recorded. Version 00 only, in lower-case
/// hex as the standard wants it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceParent(String);

/// A text that is no `traceparent` of version 00. The standard says to start a new trace then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a traceparent is 00-<32 hex digits>-<16>-<2>, in lower case, and neither of the first two is all zeros"
)]
pub struct NotATraceParent;

impl TraceParent {
    /// A span of a trace that is recorded.
    ///
    /// # Errors
    /// The ids are not 32 and 16 hex digits, or all zeros.
    pub fn recorded(trace: &str, span: &str) -> Result<Self, NotATraceParent> {
        format!("00-{trace}-{span}-01").parse()
    }

    /// The trace: 32 hex digits.
    #[must_use]
    pub fn trace(&self) -> &str {
        &self.0[3..35]
    }

    /// The span in it: 16 hex digits.
    #[must_use]
    pub fn span(&self) -> &str {
        &self.0[36..52]
    }

    /// As it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TraceParent {
    type Err = NotATraceParent;

    fn from_str(text: &str) -> Result<Self, NotATraceParent> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for TraceParent {
    type Error = NotATraceParent;

    fn try_from(text: String) -> Result<Self, NotATraceParent> {
        let mut parts = text.split('-');
        let mut next = |length| parts.next().filter(|part| is_hex(part, length));
        let known = text.len() == LENGTH
            && next(2) == Some("00")
            && next(32).is_some_and(is_not_zero)
            && next(16).is_some_and(is_not_zero)
            && next(2).is_some();
        if known {
            Ok(Self(text))
        } else {
            Err(NotATraceParent)
        }
    }
}

impl From<TraceParent> for String {
    fn from(parent: TraceParent) -> Self {
        parent.0
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(part: &str, length: usize) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    part.len() == length && part.bytes().all(digit)
}

fn is_not_zero(part: &str) -> bool {
    part.bytes().any(|byte| byte != b'0')
}

impl Event {
    /// The trace that it belongs to; none if it names none, or one that is not to be understood.
    #[must_use]
    pub fn trace(&self) -> Option<TraceParent> {
        self.extensions.get(TRACEPARENT)?.parse().ok()
    }

    /// The same event as part of a trace.
    #[must_use]
    pub fn in_trace(mut self, parent: Option<&TraceParent>) -> Self {
        if let Some(parent) = parent {
            let value = parent.to_string();
            self.extensions.insert(TRACEPARENT.to_owned(), value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_standards_example_is_read_and_written() {
        let parent: TraceParent = ONE.parse().unwrap();
        assert_eq!(parent.trace(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.span(), "00f067aa0ba902b7");
        assert_eq!(parent.to_string(), ONE);
        let again = TraceParent::recorded(parent.trace(), parent.span());
        assert_eq!(again.unwrap(), parent);
        let json = serde_json::to_string(&parent).unwrap();
        assert_eq!(serde_json::from_str::<TraceParent>(&json).unwrap(), parent);
    }

    #[test]
    fn what_is_none_is_refused() {
        let zeros = "0".repeat(32);
        let bad = [
            String::new(),
            "00-a-b-01".to_owned(),
            ONE.to_uppercase(),
            ONE.replace("00-", "01-"),
            ONE.replace("-01", ""),
            format!("{ONE}-x"),
            ONE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &zeros),
            ONE.replace("00f067aa0ba902b7", &zeros[..16]),
            ONE.replace('f', "ä"),
            ONE.replace("-01", "-0g"),
        ];
        for text in bad {
            assert_eq!(text.parse::<TraceParent>(), Err(NotATraceParent), "{text}");
        }
        assert!(serde_json::from_str::<TraceParent>("\"00-a-b-01\"").is_err());
    }

    #[test]
    fn an_event_carries_it() {
        let event = Event {
            id: "1".to_owned(),
            source: "/test".to_owned(),
            kind: "test.v1".to_owned(),
            time: jiff::Timestamp::UNIX_EPOCH,
            extensions: [(TRACEPARENT.to_owned(), "nonsense".to_owned())].into(),
            data: "{}".to_owned(),
        };
        assert_eq!(event.trace(), None);
        let parent = ONE.parse().unwrap();
        assert_eq!(event.in_trace(Some(&parent)).trace(), Some(parent));
    }
}
