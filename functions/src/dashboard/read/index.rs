//! What is known of a log's lines as far as it has been read: how many there are, where they begin, its parts, and the first
//! error. A few kilobytes, whatever the log's length.

use std::ops::ControlFlow;

use farm_bucket::LogPiece;

use super::first::{Finding, First};
use super::lines::{Line, Lines, Mark};
use super::sections::{Section, Sections};

/// Bytes from one mark to the next at first.
const SPACING: u64 = 64 << 10;
/// Marks that are kept; with more, every other goes.
const MARKS: usize = 4096;

/// The index of one log.
pub(super) struct Index {
    lines: Lines,
    seen: Seen,
}

struct Seen {
    /// Beginnings of lines, in order. From each line back to a mark it is about `spacing`.
    marks: Vec<Mark>,
    spacing: u64,
    sections: Sections,
    first: First,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            lines: Lines::from(Mark::START),
            seen: Seen {
                marks: vec![Mark::START],
                spacing: SPACING,
                sections: Sections::default(),
                first: First::default(),
            },
        }
    }
}

impl Index {
    /// Up to where the log has been read.
    pub(super) fn at(&self) -> u64 {
        self.lines.at()
    }

    /// How many lines there are.
    pub(super) fn count(&self) -> u64 {
        self.lines.last()
    }

    /// Takes in what follows.
    pub(super) fn take(&mut self, piece: &LogPiece) {
        let seen = &mut self.seen;
        let _ = self.lines.take(piece, &mut |line| {
            seen.line(line);
            ControlFlow::Continue(())
        });
    }

    /// The nearest mark before a line.
    pub(super) fn before(&self, line: u64) -> Mark {
        let marks = &self.seen.marks;
        let after = marks.partition_point(|mark| mark.line <= line);
        marks
            .get(after.saturating_sub(1))
            .copied()
            .unwrap_or(Mark::START)
    }

    pub(super) fn sections(&self) -> &[Section] {
        self.seen.sections.all()
    }

    /// The first error.
    pub(super) fn first(&self, is_over: bool) -> Option<Finding> {
        self.seen.first.found(is_over)
    }
}

impl Seen {
    fn line(&mut self, line: &Line<'_>) {
        let last = self.marks.last().map_or(0, |mark| mark.offset);
        if line.offset - last >= self.spacing {
            self.mark(line);
        }
        let said = self.sections.line(line.number, line.bytes);
        self.first.line(line, &said);
    }

    fn mark(&mut self, line: &Line<'_>) {
        if self.marks.len() >= MARKS {
            self.spacing *= 2;
            let (spacing, mut last) = (self.spacing, None);
            self.marks.retain(|mark| {
                let keep = last.is_none_or(|last| mark.offset - last >= spacing);
                if keep {
                    last = Some(mark.offset);
                }
                keep
            });
        }
        self.marks.push(Mark {
            line: line.number,
            offset: line.offset,
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn piece(offset: u64, bytes: Bytes) -> LogPiece {
        LogPiece {
            offset,
            next: offset + bytes.len() as u64,
            bytes,
        }
    }

    #[test]
    fn marks_are_few_and_never_far_from_a_line() {
        let mut index = Index::default();
        // A gibibyte.
        for n in 0..1 << 18 {
            index.seen.line(&Line {
                number: n + 1,
                offset: n << 12,
                bytes: b"x",
                cut: (1 << 12) - 2,
            });
        }
        let marks = index.seen.marks.len();
        assert!((MARKS / 2..=MARKS).contains(&marks), "{marks}");
        for line in [1, 2, 17, 8192, 100_000, 1 << 18] {
            let mark = index.before(line);
            let offset = (line - 1) << 12;
            assert_eq!(mark.offset, (mark.line - 1) << 12);
            assert!(mark.line <= line && offset - mark.offset <= 2 * index.seen.spacing);
        }
        assert_eq!(index.before(0), Mark::START);
    }

    #[test]
    fn a_log_that_grows_is_read_on() {
        let mut index = Index::default();
        index.take(&piece(0, "[farm] step a\nerr".into()));
        assert_eq!((index.count(), index.sections().len()), (2, 1));
        assert_eq!(index.first(false), None);
        index.take(&piece(17, "or: it broke\n".into()));
        assert_eq!((index.at(), index.count()), (30, 2));
        let found = index.first(false).unwrap();
        assert_eq!((found.line, found.is_error), (2, true));
    }
}
