//! Lines of a stream that is cut anywhere.

/// Puts lines together.
pub struct Lines {
    limit: usize,
    begun: Vec<u8>,
}

impl Lines {
    /// Of a line no more than `limit` bytes are looked at.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            begun: Vec::new(),
        }
    }

    /// Calls `each` for every line that `bytes` complete, without its end.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let room = self.limit - self.begun.len();
            self.begun
                .extend_from_slice(&piece[..piece.len().min(room)]);
            if pieces.peek().is_some() {
                each(&text(&self.begun));
                self.begun.clear();
            }
        }
    }

    /// The last line, if it has no end.
    pub fn finish(&mut self, each: impl FnOnce(&str)) {
        if !self.begun.is_empty() {
            each(&text(&self.begun));
            self.begun.clear();
        }
    }
}

fn text(line: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(limit: usize, pieces: &[&[u8]]) -> Vec<String> {
        let mut found = Vec::new();
        let mut lines = Lines::new(limit);
        for piece in pieces {
            lines.push(piece, |line| found.push(line.to_owned()));
        }
        lines.finish(|line| found.push(line.to_owned()));
        found
    }

    #[test]
    fn lines_come_whole_however_they_were_cut() {
        assert_eq!(
            lines(9, &[b"a\r\nb", b"c\n", b"\n", b"d"]),
            ["a", "bc", "", "d"]
        );
        assert!(lines(9, &[b"", b"a\n", b""]) == ["a"]);
    }

    #[test]
    fn of_a_long_line_only_its_beginning_counts() {
        assert_eq!(lines(3, &[b"abcd", b"ef\ng"]), ["abc", "g"]);
    }
}
