//! Rust's own test harness, and `cargo test` around it: several binaries one after the other.

use std::collections::{BTreeMap, BTreeSet};

use farm_model::message::progress::TestOutcome;

use crate::book::Book;
use crate::reader::{Ended, LineParser, milliseconds};

/// How much of what may be the list of failures is held back, in bytes.
const HELD: usize = 64 << 10;

/// Of names and paths of binaries that are remembered, in bytes.
const REMEMBERED: usize = 1 << 20;

/// Binaries that have not said how they ended; of more, and of longer names in bytes, nothing is known.
const SILENT: usize = 1000;
const LONGEST: usize = 1000;

/// Where in the output we are.
#[derive(Default)]
pub struct Libtest {
    /// The binary; empty before cargo has named one.
    unit: String,
    /// All that cargo has named.
    binaries: Binaries,
    /// Those that began with tests and have not said how that ended, while others ran after them.
    silent: BTreeSet<String>,
    /// It said how many tests there are, and not yet how they ended.
    runs: bool,
    /// A test that was begun on a line, of which the outcome comes on another.
    begun: Option<String>,
    /// The failed test whose output is being shown.
    shown: Option<String>,
    /// From a line `failures:` on: output, or the list behind all output.
    held: Option<String>,
}

impl LineParser for Libtest {
    fn line(&mut self, line: &str, book: &mut Book) {
        if let Some((outcome, took)) = total(line) {
            self.close(outcome, took, book);
        } else if let Some((path, name)) = binary(line) {
            self.leave();
            self.unit = self.binaries.unit(path, name);
        } else if let Some(unit) = documented(line) {
            self.leave();
            self.unit = unit;
        } else if let Some(krate) = not_compiled(line) {
            book.close("", krate, TestOutcome::Failed, 0);
        } else if let Some(name) = section(line) {
            self.held = None;
            self.shown = Some(name.to_owned());
        } else if self.shown.is_some() {
            self.show(line, book);
        } else if is_start(line) {
            self.runs = true;
        } else {
            self.outcome(line, book);
        }
    }

    fn finish(&mut self, ended: Ended, book: &mut Book) {
        self.leave();
        let outcome = match ended {
            Ended::Well => TestOutcome::Ok,
            Ended::Badly => TestOutcome::Failed,
        };
        for unit in std::mem::take(&mut self.silent) {
            book.close(&unit, &unit, outcome, 0);
        }
    }
}

impl Libtest {
    /// The binary has said how it ended.
    fn close(&mut self, outcome: TestOutcome, took: u64, book: &mut Book) {
        self.shown = None;
        self.held = None;
        self.begun = None;
        self.runs = false;
        self.silent.remove(&self.unit);
        book.close(&self.unit, &self.unit, outcome, took);
    }

    /// Another binary runs, or none. Where this one has not said how it ended it has died, or has another harness: that is
    /// known when all is over.
    fn leave(&mut self) {
        if self.runs && self.silent.len() < SILENT && self.unit.len() <= LONGEST {
            self.silent.insert(self.unit.clone());
        }
        self.shown = None;
        self.held = None;
        self.begun = None;
        self.runs = false;
    }

    fn outcome(&mut self, line: &str, book: &mut Book) {
        if let Some(name) = self.begun.clone() {
            if let Some((outcome, took)) = verdict(line) {
                self.begun = None;
                return book.tell(&self.unit, &name, outcome, took);
            }
            return self.say(&name, line, book);
        }
        let Some((name, rest)) = test(line) else {
            return self.say("", line, book);
        };
        match verdict(rest) {
            Some((outcome, took)) => book.tell(&self.unit, name, outcome, took),
            None => {
                book.begin(&self.unit, name);
                self.begun = Some(name.to_owned());
            }
        }
    }

    /// A line of a failed test's output, or of the list of failed tests behind all output: that is told by what follows.
    fn show(&mut self, line: &str, book: &mut Book) {
        if let Some(held) = &mut self.held {
            held.push_str(line);
            held.push('\n');
            let listed = line.is_empty() || line.starts_with("    ");
            if listed && held.len() < HELD {
                return;
            }
        } else if line == "failures:" {
            self.held = Some(format!("{line}\n"));
            return;
        }
        let name = self.shown.clone().unwrap_or_default();
        match self.held.take() {
            Some(held) => book.output(&self.unit, &name, &held),
            None => self.say(&name, line, book),
        }
    }

    fn say(&self, name: &str, line: &str, book: &mut Book) {
        book.output(&self.unit, name, &format!("{line}\n"));
    }
}

/// Binaries by what they are called, each once: crates of a workspace often have some of the same name.
#[derive(Default)]
struct Binaries {
    paths: BTreeMap<String, Vec<String>>,
    size: usize,
}

impl Binaries {
    /// What the tests in it belong to: `it`, and `it#2` for another one of that name. The same again is the same.
    fn unit(&mut self, path: &str, name: &str) -> String {
        let known = self.paths.get(name).map_or(&[][..], Vec::as_slice);
        let at = known.iter().position(|known| known == path);
        let at = at.unwrap_or(known.len());
        if at == known.len() && self.size + name.len() + path.len() <= REMEMBERED {
            self.size += name.len() + path.len();
            let paths = self.paths.entry(name.to_owned()).or_default();
            paths.push(path.to_owned());
        }
        match at {
            0 => name.to_owned(),
            before => format!("{name}#{}", before + 1),
        }
    }
}

/// `running 3 tests`.
fn is_start(line: &str) -> bool {
    let count = line.strip_prefix("running ");
    count.is_some_and(|rest| rest.ends_with(" tests") || rest.ends_with(" test"))
}

/// `     Running unittests src/lib.rs (target/debug/deps/one-83d69e65c7120d7f)`: its path, and `one`.
fn binary(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start().strip_prefix("Running ")?;
    let (_, path) = line.strip_suffix(')')?.rsplit_once(" (")?;
    let file = path.rsplit(['/', '\\']).next()?;
    let file = file.strip_suffix(".exe").unwrap_or(file);
    let digest = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = match file.rsplit_once('-') {
        Some((name, hash)) if digest(hash) => name,
        _ => file,
    };
    Some((path, name))
}

/// `   Doc-tests one`: `one (doc)`.
fn documented(line: &str) -> Option<String> {
    let krate = line.trim_start().strip_prefix("Doc-tests ")?;
    Some(format!("{krate} (doc)"))
}

/// ``error: could not compile `one` (lib test) due to 1 previous error``: `one`.
fn not_compiled(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("error: could not compile `")?;
    rest.split('`').next()
}

/// `---- tests::fails stdout ----`.
fn section(line: &str) -> Option<&str> {
    let inner = line.strip_prefix("---- ")?.strip_suffix(" ----")?;
    inner
        .strip_suffix(" stdout")
        .or_else(|| inner.strip_suffix(" stderr"))
}

/// `test a::b - should panic ... ok`: name, and what follows it.
fn test(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name.strip_suffix(" - should panic").unwrap_or(name), rest))
}

/// `ok`, `FAILED <0.012s>`, `ignored, takes long`, `bench: …`.
fn verdict(text: &str) -> Option<(TestOutcome, u64)> {
    let (word, took) = match text
        .strip_suffix("s>")
        .and_then(|text| text.rsplit_once(" <"))
    {
        Some((word, took)) => (word, took.parse().map_or(0, milliseconds)),
        None => (text, 0),
    };
    let outcome = match word {
        "ok" => TestOutcome::Ok,
        "FAILED" | "failed" => TestOutcome::Failed,
        "ignored" => TestOutcome::Skipped,
        _ if word.starts_with("ignored, ") => TestOutcome::Skipped,
        _ if word.starts_with("bench: ") => TestOutcome::Ok,
        _ => return None,
    };
    Some((outcome, took))
}

/// `test result: FAILED. 2 passed; … finished in 0.16s`.
fn total(line: &str) -> Option<(TestOutcome, u64)> {
    let rest = line.strip_prefix("test result: ")?;
    let (word, rest) = rest.split_once(". ")?;
    let outcome = match word {
        "ok" => TestOutcome::Ok,
        "FAILED" => TestOutcome::Failed,
        _ => return None,
    };
    let took = rest.rsplit_once("finished in ").map(|(_, took)| took);
    let took = took.and_then(|took| took.strip_suffix('s')?.parse().ok());
    Some((outcome, took.map_or(0, milliseconds)))
}
