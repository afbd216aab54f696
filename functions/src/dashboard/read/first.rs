//! The first error of a log: of the first step that failed, where steps are marked. What a step that came out well said on
//! its way is not why anything failed.

use super::fault::{self, Weight};
use super::lines::Line;
use super::sections::Said;
use crate::dashboard::terminal::plain;

/// Bytes of a line that are kept.
const LONGEST: usize = 400;

/// A line that says what went wrong, or the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Its number.
    pub(super) line: u64,
    /// Whether it says so; else it is the last line of what failed.
    pub(super) is_error: bool,
}

/// Looks for it, line by line.
#[derive(Default)]
pub(super) struct First {
    decided: Option<Finding>,
    /// Of the step under way; of all lines where no steps are marked.
    certain: Option<u64>,
    likely: Option<u64>,
    last: Option<u64>,
}

impl First {
    /// Takes the next line in, of which `said` is known.
    pub(super) fn line(&mut self, line: &Line<'_>, said: &Said) {
        if self.decided.is_some() {
            return;
        }
        match said {
            Said::Output => self.output(line),
            Said::Begin | Said::End(true) => self.forget(),
            Said::End(false) => {
                self.decided = self.best(true);
                self.forget();
            }
            Said::Other => {}
        }
    }

    /// As far as it is known; of a log that is over, the last line if no line says it.
    pub(super) fn found(&self, is_over: bool) -> Option<Finding> {
        self.decided.clone().or_else(|| self.best(is_over))
    }

    fn output(&mut self, line: &Line<'_>) {
        let bytes = &line.bytes[..line.bytes.len().min(LONGEST)];
        if !bytes.trim_ascii().is_empty() {
            self.last = Some(line.number);
        }
        if self.certain.is_some() || !fault::is_suspect(bytes) {
            return;
        }
        match fault::weight(&plain(bytes)) {
            Some(Weight::Certain) => self.certain = Some(line.number),
            Some(Weight::Likely) => self.likely = self.likely.or(Some(line.number)),
            None => {}
        }
    }

    fn best(&self, or_last: bool) -> Option<Finding> {
        let error = self.certain.or(self.likely);
        let line = error.or(self.last.filter(|_| or_last))?;
        Some(Finding {
            line,
            is_error: error.is_some(),
        })
    }

    fn forget(&mut self) {
        (self.certain, self.likely, self.last) = (None, None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::read::sections::Sections;

    fn found(log: &str, is_over: bool) -> Option<(u64, bool)> {
        let (mut first, mut sections) = (First::default(), Sections::default());
        for (number, text) in (1..).zip(log.lines()) {
            let line = Line {
                number,
                offset: 0,
                bytes: text.as_bytes(),
                cut: 0,
            };
            let said = sections.line(number, line.bytes);
            first.line(&line, &said);
        }
        first
            .found(is_over)
            .map(|found| (found.line, found.is_error))
    }

    #[test]
    fn what_is_certain_goes_before_what_is_likely() {
        assert_eq!(
            found("Error: flaky network\nok\n--- FAIL: TestA (0s)", true),
            Some((3, true))
        );
        assert_eq!(found("x\nError: flaky network\nok", true), Some((2, true)));
    }

    #[test]
    fn an_error_that_a_step_survived_is_none() {
        let log = "[farm] step make\nfatal: no tags\n[farm] step make: ok after 1s\n[farm] step test\nworking\n\
                   \u{1b}[31merror: it broke\u{1b}[0m\n[farm] step test: exit status 1 after 2s\n[farm] step after\n--- FAIL: x";
        assert_eq!(found(log, true), Some((6, true)));
    }

    #[test]
    fn where_no_line_says_it_the_last_one_of_the_step_is_shown() {
        let log = "[farm] step a\n$ false\nworking\nquiet\n\n[farm] step a: exit status 1 after 2s";
        assert_eq!(found(log, true), Some((4, false)));
        assert_eq!(found("a\nb\n\n", true), Some((2, false)));
        assert_eq!(found("a\nb\n\n", false), None);
        assert_eq!(found("", true), None);
    }
}
