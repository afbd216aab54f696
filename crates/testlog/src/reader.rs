//! One stream of one format.

use farm_model::message::work::TestFormat;

use crate::book::Book;
use crate::go::{GoJson, GoText};
use crate::junit::Junit;
use crate::libtest::Libtest;
use crate::lines::Lines;
use crate::result::{Found, Limits};

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With status 0.
    Well,
    /// Otherwise: another status, killed, out of time.
    Badly,
}

/// Takes in what a command prints.
pub struct Reader {
    book: Book,
    parser: Parser,
}

enum Parser {
    Lines(Lines, Box<dyn LineParser>),
    Junit(Junit),
    None,
}

/// Understands a format line by line.
pub trait LineParser: Send {
    /// One more line, without its end.
    fn line(&mut self, line: &str, book: &mut Book);
    /// Nothing more comes.
    fn finish(&mut self, ended: Ended, book: &mut Book);
}

impl Reader {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(format: TestFormat, limits: Limits) -> Self {
        let lines = |parser| Parser::Lines(Lines::new(limits.line), parser);
        let parser = match format {
            TestFormat::GoJson => lines(Box::new(GoJson)),
            TestFormat::Go => lines(Box::<GoText>::default()),
            TestFormat::Libtest => lines(Box::<Libtest>::default()),
            TestFormat::Junit => Parser::Junit(Junit::new(limits.line)),
            TestFormat::Exit => Parser::None,
        };
        Self {
            book: Book::new(limits),
            parser,
        }
    }

    /// The next bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        let book = &mut self.book;
        match &mut self.parser {
            Parser::Lines(lines, parser) => lines.push(bytes, |line| parser.line(line, book)),
            Parser::Junit(junit) => junit.push(bytes, book),
            Parser::None => {}
        }
    }

    /// What comes next is another file: what the last one left open does not reach into it.
    pub fn next_document(&mut self) {
        if let Parser::Junit(junit) = &mut self.parser {
            junit.next_document();
        }
    }

    /// Nothing more comes: what was found.
    #[must_use]
    pub fn finish(mut self, ended: Ended) -> Found {
        let book = &mut self.book;
        if let Parser::Lines(lines, parser) = &mut self.parser {
            lines.finish(|line| parser.line(line, book));
            parser.finish(ended, book);
        }
        self.book.finish(ended)
    }
}

/// Seconds as a runner tells them, in milliseconds.
pub fn milliseconds(seconds: f64) -> u64 {
    // What is no number, or none that makes sense, becomes 0 or the largest.
    (seconds * 1000.0).round() as u64
}
