//! The lines of one hour that wait for the bucket. Pure.

use farm_model::Timestamp;
use farm_model::record::Transition;

/// A part of so many bytes is not written again; the next line begins a new one.
const FULL: usize = 256 << 10;
/// While the bucket takes nothing, lines of so many bytes are held; more are read from the store later.
const MOST: usize = 16 << 20;

/// An hour as the bucket has it, and what it lacks.
#[derive(Debug)]
pub(super) struct Hour {
    /// A moment in it.
    pub(super) at: Timestamp,
    /// The number of the first line that is held here.
    first: u64,
    /// The last part, written or not, and what comes after it.
    lines: Vec<String>,
    bytes: usize,
    /// How many of `lines` the bucket has.
    written: usize,
    /// What is held is not all that is missing: the store has the rest.
    whole: bool,
}

/// To be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) at: Timestamp,
    pub(super) first: u64,
    pub(super) lines: usize,
    pub(super) text: String,
}

/// A line as it is written.
pub(super) fn text(line: &Transition) -> String {
    // Its keys are text and so is all that it holds: this does not fail.
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    text
}

impl Hour {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            at,
            first: 0,
            lines: Vec::new(),
            bytes: 0,
            written: 0,
            whole: false,
        }
    }

    pub(super) fn push(&mut self, line: &Transition) {
        let line = text(line);
        self.bytes += line.len();
        self.lines.push(line);
        if self.bytes > MOST {
            self.whole = true;
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        self.first += self.lines.len() as u64;
        self.lines.clear();
        self.bytes = 0;
        self.written = 0;
    }

    /// Nobody knows what the bucket has of it.
    pub(super) fn write_whole(&mut self) {
        self.whole = true;
    }

    pub(super) fn is_wanted_whole(&self) -> bool {
        self.whole
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.whole || self.written < self.lines.len()
    }

    /// The last part with what has come, if anything has.
    pub(super) fn part(&mut self) -> Option<Part> {
        self.is_waiting().then(|| Part {
            at: self.at,
            first: self.first,
            lines: self.lines.len(),
            text: self.lines.concat(),
        })
    }

    /// The bucket has `lines` lines from `first` on.
    pub(super) fn written(&mut self, first: u64, lines: usize) {
        if first != self.first {
            return;
        }
        self.written = lines;
        let bytes: usize = self.lines[..lines].iter().map(String::len).sum();
        if bytes >= FULL {
            self.lines.drain(..lines);
            self.first += lines as u64;
            self.bytes -= bytes;
            self.written = 0;
        }
    }

    /// The bucket has the hour as the store had it: `stored`, which may end with lines that are held here, since they were
    /// stored before they came.
    pub(super) fn is_whole(&mut self, stored: &[String]) {
        let most = self.lines.len().min(stored.len());
        let known = (0..=most)
            .rev()
            .find(|count| stored.ends_with(&self.lines[..*count]))
            .unwrap_or(0);
        let known = known.max(self.written.min(most));
        self.lines.drain(..known);
        self.bytes = self.lines.iter().map(String::len).sum();
        self.first = stored.len() as u64;
        self.written = 0;
        self.whole = false;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn line(number: u32) -> Transition {
        Transition {
            at: Timestamp::from_second(i64::from(number)).unwrap(),
            build: Some("0".repeat(32).parse().unwrap()),
            run: number,
            to: "wanted".to_owned(),
            detail: BTreeMap::new(),
        }
    }

    fn hour(lines: std::ops::Range<u32>) -> Hour {
        let mut hour = Hour::new(line(0).at);
        lines.for_each(|number| hour.push(&line(number)));
        hour
    }

    fn runs(part: &Part) -> Vec<u32> {
        let lines = part.text.lines();
        let parsed = lines.map(|line| serde_json::from_str::<Transition>(line).unwrap());
        parsed.map(|line| line.run).collect()
    }

    #[test]
    fn a_part_grows_until_it_is_full() {
        let mut hour = hour(0..2);
        let part = hour.part().unwrap();
        assert_eq!((part.first, runs(&part)), (0, vec![0, 1]));
        // One comes while it is written.
        hour.push(&line(2));
        hour.written(part.first, part.lines);
        let part = hour.part().unwrap();
        assert_eq!((part.first, runs(&part)), (0, vec![0, 1, 2]));
        hour.written(part.first, part.lines);
        assert_eq!(hour.part(), None);
        let many = u32::try_from(FULL / 50).unwrap();
        (3..many).for_each(|number| hour.push(&line(number)));
        let part = hour.part().unwrap();
        hour.written(part.first, part.lines);
        hour.push(&line(many));
        let part = hour.part().unwrap();
        assert_eq!((part.first, runs(&part)), (u64::from(many), vec![many]));
    }

    #[test]
    fn what_the_store_had_already_is_not_written_twice() {
        let stored: Vec<String> = (0..5).map(|number| text(&line(number))).collect();
        // Lines 3 and 4 came after the leader began and before the store was read; 5 came after.
        let mut hour = hour(3..6);
        hour.write_whole();
        hour.is_whole(&stored);
        let part = hour.part().unwrap();
        assert_eq!((part.first, runs(&part)), (5, vec![5]));
    }

    #[test]
    fn more_than_fits_is_left_to_the_store() {
        let mut hour = hour(0..u32::try_from(MOST / 50).unwrap());
        assert!(hour.is_wanted_whole());
        assert!(hour.bytes <= MOST && hour.lines.len() < MOST / 50);
    }
}
