//! The end of the log of the attempt that was leased last.

use farm_model::id::AttemptKey;
use farm_model::record::Attempt;
use farm_model::view::BuildView;

use super::Dashboard;
use crate::dashboard::log::{self, Life, PIECE, Source};
use crate::dashboard::terminal::Painter;
use crate::dashboard::text::bytes;
use crate::dashboard::trouble::Trouble;

/// Bytes of a log that its build's page shows: the last ones.
const TAIL: u64 = 128 << 10;

/// The log of the newest attempt.
pub(super) struct LogPart {
    /// Its address.
    pub(super) log: String,
    /// The address of its own page.
    pub(super) page: String,
    pub(super) name: String,
    pub(super) tail: Tail,
    pub(super) dropped: String,
    pub(super) grows: bool,
}

/// The end of a log.
pub(super) struct Tail {
    /// As HTML.
    pub(super) html: String,
    /// Whether something stands before it.
    pub(super) cut: bool,
    /// Where to read on.
    pub(super) next: u64,
}

/// The log of the attempt that was leased last, in the newest run that has any.
pub(super) async fn newest_log(
    dashboard: &Dashboard,
    view: &BuildView,
) -> Result<Option<LogPart>, Trouble> {
    let Some((key, attempt)) = newest_attempt(view) else {
        return Ok(None);
    };
    let dropped = log::summary(attempt).map_or(0, |log| log.dropped);
    let source = Source::of(dashboard, &key).await?;
    Ok(Some(LogPart {
        log: format!("/log/{key}"),
        page: format!("/read/{key}"),
        name: format!("{} on {}", key.job, attempt.machine),
        tail: tail(&source).await?,
        dropped: if dropped == 0 {
            String::new()
        } else {
            bytes(dropped)
        },
        grows: !log::is_over(attempt),
    }))
}

fn newest_attempt(view: &BuildView) -> Option<(AttemptKey, &Attempt)> {
    let mut runs = view.runs.iter().rev();
    let run = runs.find(|run| run.attempts() > 0)?;
    let jobs = run.jobs.iter();
    let attempts = jobs.flat_map(|job| job.attempts.iter().map(move |attempt| (job, attempt)));
    let (job, attempt) = attempts.max_by_key(|(_, attempt)| attempt.leased)?;
    Some((run.attempt_key(&job.name, attempt.number), attempt))
}

/// The end of a log. Of one that still grows, a last line that is not complete is left for the next reading: it may end
/// within a character or an escape.
async fn tail(source: &Source) -> Result<Tail, Trouble> {
    let grows = source.life() == Life::Grows;
    let from = source.end().await?.saturating_sub(TAIL);
    // More may have come meanwhile.
    let piece = source.read(from, 2 * PIECE).await?;
    if piece.next == 0
        && let Err(Trouble::Gone(text)) = source.is_kept()
    {
        return Ok(Tail {
            html: painted(text.as_bytes()),
            cut: false,
            next: 0,
        });
    }
    let shown = whole_lines(&piece.bytes, from > 0, grows);
    Ok(Tail {
        cut: from > 0,
        next: piece.next - (piece.bytes.len() - shown.end) as u64,
        html: painted(&piece.bytes[shown]),
    })
}

fn painted(bytes: &[u8]) -> String {
    let (mut painter, mut html) = (Painter::default(), String::with_capacity(bytes.len()));
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n");
        painter.line(text.unwrap_or(line), &mut html);
        if text.is_some() {
            html.push('\n');
        }
    }
    html
}

/// The bytes without a first line of which the beginning is missing, and without a last one of which the end is.
fn whole_lines(bytes: &[u8], cut: bool, open: bool) -> std::ops::Range<usize> {
    let is_end = |byte: &u8| *byte == b'\n';
    let first = bytes.iter().position(is_end).map_or(0, |end| end + 1);
    let last = bytes.iter().rposition(is_end).map_or(0, |end| end + 1);
    let end = if open { last } else { bytes.len() };
    let start = if cut { first.min(end) } else { 0 };
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_whole_lines_while_a_log_grows() {
        let lines =
            |text: &str, cut, open| text[whole_lines(text.as_bytes(), cut, open)].to_owned();
        assert_eq!(lines("b\nc\nd", true, true), "c\n");
        assert_eq!(lines("b\nc\nd", true, false), "c\nd");
        assert_eq!(lines("b\nc\nd", false, false), "b\nc\nd");
        assert_eq!(lines("b", false, true), "");
        assert_eq!(lines("b", true, false), "b");
        assert_eq!(lines("", true, true), "");
    }
}
