//! Lines of a log that hold a text.

use std::ops::ControlFlow;

use futures::TryStreamExt;
use memchr::memmem::Finder;

use super::lines::{Line, Lines, Mark};
use crate::dashboard::log::Source;
use crate::dashboard::terminal::plain;
use crate::dashboard::trouble::Trouble;

/// Lines that are listed at once.
pub(super) const MOST: usize = 200;
/// Bytes that are searched at once.
const READ: u64 = 512 << 20;
/// Characters of a line that are shown before and after what was found.
const BEFORE: usize = 40;
const AFTER: usize = 120;

/// What is looked for: a capital letter in it makes capitals count.
pub(super) struct Needle {
    finder: Finder<'static>,
    as_written: bool,
}

/// A line that has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) line: u64,
    pub(super) before: String,
    pub(super) text: String,
    pub(super) after: String,
}

/// What was found.
pub(super) struct Hits {
    /// The first ones.
    pub(super) lines: Vec<Hit>,
    /// The line up to which was searched, where that is not all.
    pub(super) until: Option<u64>,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let as_written = text.chars().any(char::is_uppercase);
        Self {
            finder: Finder::new(text).into_owned(),
            as_written,
        }
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        match self.as_written {
            true => self.finder.find(text),
            false => self.finder.find(&text.to_ascii_lowercase()),
        }
    }

    /// The line as a hit, if it is one. What a terminal would not show is not searched.
    fn hit(&self, line: &Line<'_>) -> Option<Hit> {
        let has_controls = memchr::memchr2(b'\x1b', b'\r', line.bytes).is_some();
        if !has_controls {
            self.find(line.bytes)?;
        }
        let text = plain(line.bytes);
        let at = self.find(text.as_bytes())?;
        let end = at + self.finder.needle().len();
        let skipped = text[..at].chars().count().saturating_sub(BEFORE);
        Some(Hit {
            line: line.number,
            before: text[..at].chars().skip(skipped).collect(),
            text: text[at..end].to_owned(),
            after: text[end..].chars().take(AFTER).collect(),
        })
    }
}

/// The first lines from `first` on that have the needle. `mark` is a line not after that one.
pub(super) async fn search(
    source: &Source,
    mark: Mark,
    first: u64,
    needle: &Needle,
) -> Result<Hits, Trouble> {
    let mut hits = Hits {
        lines: Vec::new(),
        until: None,
    };
    let mut lines = Lines::from(mark);
    let mut pieces = source.pieces(mark.offset);
    let mut each = |line: &Line<'_>| look(line, first, needle, &mut hits);
    let mut flow = ControlFlow::Continue(());
    while flow.is_continue() && lines.at() - mark.offset < READ {
        let Some(piece) = pieces.try_next().await? else {
            lines.finish(&mut each);
            return Ok(hits);
        };
        flow = lines.take(&piece, &mut each);
        tokio::task::yield_now().await;
    }
    hits.until = Some(lines.under_way().line.saturating_sub(1));
    Ok(hits)
}

fn look(line: &Line<'_>, first: u64, needle: &Needle, hits: &mut Hits) -> ControlFlow<()> {
    if line.number >= first {
        hits.lines.extend(needle.hit(line));
    }
    match hits.lines.len() >= MOST {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(needle: &str, line: &str) -> Option<String> {
        let line = Line {
            number: 3,
            offset: 0,
            bytes: line.as_bytes(),
            cut: 0,
        };
        let hit = Needle::new(needle).hit(&line)?;
        Some(format!("{}[{}]{}", hit.before, hit.text, hit.after))
    }

    #[test]
    fn capitals_count_where_one_is_asked_for() {
        assert_eq!(hit("error", "an ERROR here").unwrap(), "an [ERROR] here");
        assert_eq!(hit("ERROR", "an ERROR here").unwrap(), "an [ERROR] here");
        assert_eq!(hit("Error", "an ERROR here"), None);
    }

    #[test]
    fn what_is_shown_is_searched_and_not_its_colours() {
        assert_eq!(
            hit("red alert", "\u{1b}[31mred\u{1b}[0m alert").unwrap(),
            "[red alert]"
        );
        assert_eq!(hit("31", "\u{1b}[31mred\u{1b}[0m"), None);
        assert_eq!(hit("10", "10 %\r50 %"), None);
        assert_eq!(hit("né", "une ané\u{e9}").unwrap(), "une a[né]\u{e9}");
    }

    #[test]
    fn of_a_long_line_the_part_around_it_is_shown() {
        let line = format!("{}needle{}", "ä".repeat(500), "z".repeat(500));
        let hit = hit("needle", &line).unwrap();
        assert_eq!(hit.chars().count(), BEFORE + "[needle]".len() + AFTER);
    }
}
