//! JUnit's XML as it is written in the wild: there is no standard, but what pytest, Maven Surefire and most others agree on.

mod tokens;

use quick_xml::escape::unescape;
use quick_xml::events::BytesStart;

use self::tokens::{Token, Tokens};
use farm_model::message::progress::TestOutcome;

use crate::book::Book;
use crate::reader::milliseconds;

/// Elements in one another that are understood; deeper ones are only counted.
const DEPTH: usize = 32;

/// One report after the other.
pub struct Junit {
    limit: usize,
    tokens: Tokens,
    place: Place,
}

/// Where in a report we are.
#[derive(Default)]
struct Place {
    /// The elements around.
    path: Vec<Element>,
    /// Elements around that are too deep.
    deeper: usize,
    case: Option<Case>,
}

enum Element {
    /// With its name.
    Suite(String),
    Case,
    /// What it holds is what the test said.
    Said,
    Other,
}

struct Case {
    unit: String,
    name: String,
    took: u64,
    outcome: TestOutcome,
}

impl Junit {
    /// Tags and pieces of text of at most `limit` bytes are looked at.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            tokens: Tokens::new(limit),
            place: Place::default(),
        }
    }

    /// Another file begins.
    pub fn next_document(&mut self) {
        *self = Self::new(self.limit);
    }

    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8], book: &mut Book) {
        let place = &mut self.place;
        self.tokens.push(bytes, |token| match token {
            Token::Open(tag) => place.open(tag, book),
            Token::Close => place.close(book),
            Token::Text {
                text,
                escaped: true,
            } => place.text(&unescaped(text), book),
            Token::Text { text, .. } => place.text(text, book),
            Token::BrokenOff => *place = Place::default(),
        });
    }
}

impl Place {
    fn open(&mut self, tag: &str, book: &mut Book) {
        let name_ends = tag.find(|letter: char| letter.is_whitespace());
        let start = BytesStart::from_content(tag, name_ends.unwrap_or(tag.len()));
        let element = match &tag[..name_ends.unwrap_or(tag.len())] {
            "testsuite" => Element::Suite(attribute(&start, "name")),
            "testcase" => {
                self.case = Some(self.begun(&start));
                Element::Case
            }
            "failure" | "error" => self.judged(TestOutcome::Failed, &start, book),
            "rerunFailure" | "rerunError" => self.judged(TestOutcome::Failed, &start, book),
            "skipped" => self.judged(TestOutcome::Skipped, &start, book),
            "system-out" | "system-err" => Element::Said,
            // Maven puts what a rerun printed into elements of their own.
            _ if matches!(self.path.last(), Some(Element::Said)) => Element::Said,
            _ => Element::Other,
        };
        if self.path.len() < DEPTH {
            self.path.push(element);
        } else {
            self.deeper += 1;
        }
    }

    fn begun(&self, start: &BytesStart<'_>) -> Case {
        let mut unit = attribute(start, "classname");
        if unit.is_empty() {
            unit = self.suite().to_owned();
        }
        // Some write thousands with commas.
        let seconds = attribute(start, "time").replace(',', "");
        Case {
            unit,
            name: attribute(start, "name"),
            took: seconds.parse().map_or(0, milliseconds),
            // As googletest says it of tests that are disabled or filtered out.
            outcome: match attribute(start, "status").as_str() {
                "notrun" => TestOutcome::Skipped,
                _ => TestOutcome::Ok,
            },
        }
    }

    fn suite(&self) -> &str {
        let suites = self.path.iter().rev().filter_map(|element| match element {
            Element::Suite(name) => Some(name.as_str()),
            Element::Case | Element::Said | Element::Other => None,
        });
        suites.into_iter().next().unwrap_or_default()
    }

    fn judged(&mut self, outcome: TestOutcome, start: &BytesStart<'_>, book: &mut Book) -> Element {
        if let Some(case) = &mut self.case {
            if case.outcome != TestOutcome::Failed {
                case.outcome = outcome;
            }
            let message = attribute(start, "message");
            if !message.is_empty() {
                book.output(&case.unit, &case.name, &format!("{message}\n"));
            }
        }
        Element::Said
    }

    fn text(&self, text: &str, book: &mut Book) {
        let said = self.deeper == 0 && matches!(self.path.last(), Some(Element::Said));
        if let (Some(case), true) = (&self.case, said) {
            book.output(&case.unit, &case.name, text);
        }
    }

    fn close(&mut self, book: &mut Book) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if let Some(Element::Case) = self.path.pop()
            && let Some(case) = self.case.take()
        {
            book.end(&case.unit, &case.name, case.outcome, case.took);
        }
    }
}

/// What cannot be understood stays as it is.
fn unescaped(text: &str) -> std::borrow::Cow<'_, str> {
    unescape(text).unwrap_or(std::borrow::Cow::Borrowed(text))
}

/// Empty where there is none.
fn attribute(start: &BytesStart<'_>, name: &str) -> String {
    let mut attributes = start.attributes();
    let all = attributes.with_checks(false).flatten();
    let value = all
        .filter(|attribute| attribute.key.as_ref() == name.as_bytes())
        .map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned())
        .next();
    value.map_or_else(String::new, |value| unescaped(&value).into_owned())
}
