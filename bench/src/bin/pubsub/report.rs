//! What was measured, beside the peers.

use std::fmt;

use bench::figures::Spread;
use bench::pubsub::Kind;
use serde::Serialize;

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Better {
    Higher,
    Lower,
    /// Tells where the time went.
    Neither,
}

/// Everything.
#[derive(Serialize)]
pub struct Report {
    pub mode: String,
    pub rounds: u32,
    /// Before and after.
    pub machine: (String, String),
    pub emulators: Vec<&'static str>,
    pub rows: Vec<Row>,
}

/// One thing that was measured of each emulator.
#[derive(Serialize)]
pub struct Row {
    pub what: String,
    pub unit: &'static str,
    pub better: Better,
    /// In the order of the emulators; `None` where it was not measured.
    pub of: Vec<Option<Cell>>,
    #[serde(skip)]
    values: Vec<Vec<f64>>,
}

/// Of one emulator.
#[derive(Clone, Copy, Serialize)]
pub struct Cell {
    pub spread: Spread,
    /// How many times better than the last emulator, which is Google's.
    pub ratio: Option<f64>,
}

impl Report {
    pub fn new(mode: String, rounds: u32, before: String, kinds: &[Kind]) -> Self {
        Self {
            mode,
            rounds,
            machine: (before, String::new()),
            emulators: kinds.iter().map(|kind| kind.name()).collect(),
            rows: Vec::new(),
        }
    }

    /// Takes down a value of the emulator at this place.
    pub fn add(&mut self, at: usize, what: &str, unit: &'static str, better: Better, value: f64) {
        let number = self.emulators.len();
        let found = self.rows.iter().position(|row| row.what == what);
        let row = found.unwrap_or_else(|| {
            self.rows.push(Row {
                what: what.to_owned(),
                unit,
                better,
                of: Vec::new(),
                values: vec![Vec::new(); number],
            });
            self.rows.len() - 1
        });
        self.rows[row].values[at].push(value);
    }

    /// Medians, spreads and ratios of what was taken down.
    pub fn finish(&mut self, after: String) {
        self.machine.1 = after;
        let peer = self
            .emulators
            .iter()
            .position(|name| *name == Kind::Google.name());
        for row in &mut self.rows {
            row.finish(peer);
        }
    }
}

impl Row {
    fn finish(&mut self, peer: Option<usize>) {
        let spreads: Vec<Option<Spread>> = self
            .values
            .iter()
            .map(|values| (!values.is_empty()).then(|| Spread::of(values)))
            .collect();
        let theirs = peer.and_then(|peer| spreads[peer]).map(|s| s.median);
        let ratio = |ours: f64| match (self.better, theirs) {
            (Better::Higher, Some(theirs)) => Some(ours / theirs),
            (Better::Lower, Some(theirs)) => Some(theirs / ours),
            _ => None,
        };
        let cell = |(at, spread): (usize, Option<Spread>)| {
            spread.map(|spread| Cell {
                spread,
                ratio: ratio(spread.median).filter(|_| Some(at) != peer),
            })
        };
        self.of = spreads.into_iter().enumerate().map(cell).collect();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}; {} rounds in turns, median (min to max), × is to Google's",
            self.mode, self.rounds
        )?;
        writeln!(f, "before: {}; after: {}", self.machine.0, self.machine.1)?;
        for row in &self.rows {
            writeln!(f, "{}, {}", row.what, row.unit)?;
            for (name, cell) in self.emulators.iter().zip(&row.of) {
                let Some(Cell { spread, ratio }) = cell else {
                    continue;
                };
                let ratio = ratio.map(|ratio| format!("  {ratio:.1}×"));
                writeln!(f, "  {name:15} {spread}{}", ratio.unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_say_how_many_times_better_than_googles() {
        let kinds = [Kind::Durable, Kind::Google];
        let mut report = Report::new(String::new(), 2, String::new(), &kinds);
        for (at, values) in [[10.0, 30.0], [5.0, 5.0]].into_iter().enumerate() {
            for value in values {
                report.add(at, "delivered", "/s", Better::Higher, value);
                report.add(at, "ready", "ms", Better::Lower, value);
            }
        }
        report.finish(String::new());
        let ratio = |row: usize, at: usize| report.rows[row].of[at].unwrap().ratio;
        assert_eq!((ratio(0, 0), ratio(0, 1)), (Some(4.0), None));
        assert_eq!(ratio(1, 0), Some(0.25));
    }
}
