//! Bytes in pieces of any size, as numbered lines. Of a line, however long it is, no more than [`LONGEST`] is held.

use std::ops::ControlFlow;

use farm_bucket::LogPiece;

/// Bytes of a line that are looked at.
pub(super) const LONGEST: usize = 8 << 10;

/// A line, without its end.
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    /// Where in the log it begins.
    pub(super) offset: u64,
    /// At most [`LONGEST`] of its bytes.
    pub(super) bytes: &'a [u8],
    /// How many more it has.
    pub(super) cut: u64,
}

/// Who is told of lines; says whether it wants more.
pub(super) type Each<'a> = dyn FnMut(&Line<'_>) -> ControlFlow<()> + Send + 'a;

/// Where in a log one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number of a line.
    pub(super) line: u64,
    /// Where that begins.
    pub(super) offset: u64,
}

impl Mark {
    /// The first line.
    pub(super) const START: Self = Self { line: 1, offset: 0 };
}

/// Cuts pieces into lines.
pub(super) struct Lines {
    /// The line under way.
    line: Mark,
    /// Up to here the log has been taken in.
    at: u64,
    /// What came of the line under way.
    open: Vec<u8>,
}

impl Lines {
    /// From a line on.
    pub(super) fn from(mark: Mark) -> Self {
        Self {
            line: mark,
            at: mark.offset,
            open: Vec::new(),
        }
    }

    /// Up to where the log has been taken in.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The line under way.
    pub(super) fn under_way(&self) -> Mark {
        self.line
    }

    /// The number of the last line, also of one without an end; 0 where there is none.
    pub(super) fn last(&self) -> u64 {
        let is_open = self.at > self.line.offset;
        self.line.line - u64::from(!is_open)
    }

    /// Takes a piece in. Where bytes before it are missing, the line under way goes on in it.
    pub(super) fn take(&mut self, piece: &LogPiece, each: &mut Each<'_>) -> ControlFlow<()> {
        self.at = self.at.max(piece.offset);
        let mut rest = &piece.bytes[..];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            self.at += end as u64;
            let flow = self.tell(line, each);
            self.at += 1;
            self.begin_next();
            rest = after;
            flow?;
        }
        let room = LONGEST.saturating_sub(self.open.len()).min(rest.len());
        self.open.extend_from_slice(&rest[..room]);
        self.at += rest.len() as u64;
        ControlFlow::Continue(())
    }

    /// Tells of a last line without an end.
    pub(super) fn finish(&mut self, each: &mut Each<'_>) {
        if self.at > self.line.offset {
            let _ = self.tell(&[], each);
        }
    }

    /// Tells of the line under way, which ends with `rest` where the log has been taken in to.
    fn tell(&mut self, rest: &[u8], each: &mut Each<'_>) -> ControlFlow<()> {
        let bytes = if self.open.is_empty() {
            &rest[..rest.len().min(LONGEST)]
        } else {
            let room = LONGEST.saturating_sub(self.open.len()).min(rest.len());
            self.open.extend_from_slice(&rest[..room]);
            &self.open
        };
        let len = self.at - self.line.offset;
        each(&Line {
            number: self.line.line,
            offset: self.line.offset,
            bytes,
            cut: len.saturating_sub(bytes.len() as u64),
        })
    }

    fn begin_next(&mut self) {
        self.open.clear();
        self.line = Mark {
            line: self.line.line + 1,
            offset: self.at,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &[u8], size: usize) -> Vec<LogPiece> {
        let piece = |(n, bytes): (usize, &[u8])| LogPiece {
            offset: (n * size) as u64,
            bytes: bytes.to_vec().into(),
            next: (n * size + bytes.len()) as u64,
        };
        text.chunks(size).enumerate().map(piece).collect()
    }

    type Told = (u64, u64, Vec<u8>, u64);

    fn told(text: &[u8], size: usize) -> Vec<Told> {
        let (mut lines, mut told) = (Lines::from(Mark::START), Vec::new());
        let mut each = |line: &Line<'_>| {
            told.push((line.number, line.offset, line.bytes.to_vec(), line.cut));
            ControlFlow::Continue(())
        };
        for piece in pieces(text, size) {
            let _ = lines.take(&piece, &mut each);
        }
        lines.finish(&mut each);
        assert_eq!(lines.at(), text.len() as u64);
        assert_eq!(lines.last(), told.len() as u64);
        told
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_come() {
        let text = b"one\n\ntwo\r\nthree";
        let expected: Vec<Told> = vec![
            (1, 0, b"one".to_vec(), 0),
            (2, 4, b"".to_vec(), 0),
            (3, 5, b"two\r".to_vec(), 0),
            (4, 10, b"three".to_vec(), 0),
        ];
        for size in 1..=text.len() {
            assert_eq!(told(text, size), expected, "{size}");
        }
        assert_eq!(told(b"", 1), []);
        assert_eq!(told(b"a\n", 1).len(), 1);
    }

    #[test]
    fn of_a_long_line_only_its_beginning_is_held() {
        let mut text = vec![b'x'; 3 * LONGEST];
        text.extend_from_slice(b"\nend");
        for size in [100, LONGEST - 1, 4 * LONGEST] {
            let told = told(&text, size);
            assert_eq!(
                (told[0].2.len(), told[0].3),
                (LONGEST, 2 * LONGEST as u64),
                "{size}"
            );
            assert_eq!(
                (told[1].1, &told[1].2[..]),
                (3 * LONGEST as u64 + 1, &b"end"[..])
            );
        }
    }

    #[test]
    fn whoever_has_enough_is_left_alone() {
        let (mut lines, mut count) = (Lines::from(Mark { line: 7, offset: 0 }), 0);
        let flow = lines.take(&pieces(b"a\nb\nc\n", 6)[0], &mut |line| {
            count += 1;
            if line.number == 8 {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        assert_eq!((flow, count), (ControlFlow::Break(()), 2));
    }
}
