//! The lines of a log that a page shows, as HTML.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::lines::{Line, Lines, Mark};
use crate::dashboard::log::{Life, Source};
use crate::dashboard::terminal::Painter;
use crate::dashboard::text::bytes;
use crate::dashboard::trouble::Trouble;

/// Bytes of one reading: what a window needs is mostly in one or two.
const PIECE: usize = 256 << 10;
/// Bytes of the lines of a window: with very long ones it has fewer.
const BYTES: usize = 1 << 20;

/// Which lines are wanted, and how.
pub(super) struct Wanted<'a> {
    /// A line not after the first, and where that begins.
    pub(super) mark: Mark,
    pub(super) first: u64,
    /// How many at most.
    pub(super) most: u64,
    /// The page that shows a line whose number is followed; none where it is this one.
    pub(super) page: Option<&'a str>,
    /// Lines that stand out.
    pub(super) hits: &'a BTreeSet<u64>,
}

/// Lines as a page shows them.
pub(super) struct Window {
    /// Items of a list.
    pub(super) html: String,
    /// The number of the first.
    pub(super) first: u64,
    /// The number of the last; less than `first` where there is none.
    pub(super) last: u64,
    /// The line after it, and where that begins.
    pub(super) next: Mark,
}

/// Reads the lines. Of a log that grows, a last line that is not complete is left for later: it may end within a character
/// or an escape.
pub(super) async fn window(source: &Source, wanted: &Wanted<'_>) -> Result<Window, Trouble> {
    let mut lines = Lines::from(wanted.mark);
    let mut shown = Shown::new(wanted);
    loop {
        let piece = source.read(lines.at(), PIECE).await?;
        if piece.bytes.is_empty() {
            if source.life() != Life::Grows {
                lines.finish(&mut |line| shown.line(line));
            }
            break;
        }
        if lines.take(&piece, &mut |line| shown.line(line)).is_break() {
            break;
        }
    }
    Ok(Window {
        html: shown.html,
        first: wanted.first,
        last: shown.last,
        next: lines.under_way(),
    })
}

struct Shown<'a> {
    wanted: &'a Wanted<'a>,
    painter: Painter,
    html: String,
    last: u64,
    bytes: usize,
}

impl<'a> Shown<'a> {
    fn new(wanted: &'a Wanted<'a>) -> Self {
        Self {
            wanted,
            painter: Painter::default(),
            html: String::new(),
            last: wanted.first.saturating_sub(1),
            bytes: 0,
        }
    }

    fn line(&mut self, line: &Line<'_>) -> ControlFlow<()> {
        if line.number < self.wanted.first {
            return ControlFlow::Continue(());
        }
        self.push(line);
        self.last = line.number;
        self.bytes += line.bytes.len();
        let count = line.number - self.wanted.first + 1;
        if count >= self.wanted.most || self.bytes >= BYTES {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn push(&mut self, line: &Line<'_>) {
        let number = line.number;
        let (id, page) = match self.wanted.page {
            None => (format!(" id=\"L{number}\""), String::new()),
            Some(page) => (String::new(), format!("{page}?line={number}")),
        };
        let hit = match self.wanted.hits.contains(&number) {
            true => " class=\"hit\"",
            false => "",
        };
        self.html += &format!("<li{id}{hit}><a href=\"{page}#L{number}\">{number}</a>");
        self.painter.line(line.bytes, &mut self.html);
        if line.cut > 0 {
            self.html += &format!(" <i class=\"cut\">and {} more</i>", bytes(line.cut));
        }
        self.html.push_str("</li>\n");
    }
}
