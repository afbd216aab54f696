//! What was measured, as text and as JSON.

use std::fmt;

use serde::Serialize;

use crate::measure::Figures;
use crate::pages::Page;

/// All figures of one program run.
#[derive(Serialize)]
pub struct Report {
    commits: u64,
    builders: u32,
    before: String,
    after: String,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    page: String,
    /// With the whole history.
    whole: Figures,
    /// With a tenth of it.
    tenth: Option<Figures>,
}

impl Report {
    pub fn new(commits: u64, builders: u32, before: String) -> Self {
        Self {
            commits,
            builders,
            before,
            after: String::new(),
            lines: Vec::new(),
        }
    }

    /// Figures of the whole history first (`at` 0), then of a tenth.
    pub fn add(&mut self, at: usize, page: Page, figures: Figures) {
        let name = format!("{page:?}");
        if at == 0 {
            self.lines.push(Line {
                page: name,
                whole: figures,
                tenth: None,
            });
            return;
        }
        if let Some(line) = self.lines.iter_mut().find(|line| line.page == name) {
            line.tenth = Some(figures);
        }
    }

    pub fn finish(&mut self, after: String) {
        self.after = after;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            commits,
            builders,
            before,
            after,
            ..
        } = self;
        writeln!(
            f,
            "{commits} commits × {builders} builders in a folder, one thread; × is to a tenth of the history"
        )?;
        writeln!(f, "before: {before}; after: {after}")?;
        writeln!(
            f,
            "{:<12} {:>9} {:>9} {:>7} {:>10} {:>12}",
            "page", "p50 ms", "p99 ms", "× p50", "kB gzip", "/s and core"
        )?;
        for line in &self.lines {
            let Figures {
                p50,
                p99,
                bytes,
                per_core,
            } = line.whole;
            let ratio = line.tenth.map_or(f64::NAN, |tenth| p50 / tenth.p50);
            let kilobytes = bytes / 1000.0;
            writeln!(
                f,
                "{:<12} {p50:>9.2} {p99:>9.2} {ratio:>7.2} {kilobytes:>10.1} {per_core:>12.0}",
                line.page
            )?;
        }
        Ok(())
    }
}
