//! `go test` for people, and `go tool dist test` around it (spec 5.6): a package's tests come before its name.

use farm_model::message::progress::TestOutcome;

use crate::book::Book;
use crate::reader::{Ended, LineParser, milliseconds};

/// Of whom what comes next is said.
#[derive(Default)]
pub struct GoText {
    speaker: Speaker,
}

#[derive(Default)]
enum Speaker {
    /// The package whose name comes later.
    #[default]
    Package,
    /// One of its tests.
    Test(String),
    /// The compiler, of this package.
    Build(String),
}

/// Tests whose package is not known yet are kept under this one.
const UNNAMED: &str = "";

/// Spaces before what is said of a test in a test.
const INDENT: usize = 4;

impl LineParser for GoText {
    fn line(&mut self, line: &str, book: &mut Book) {
        if let Some((package, outcome, took)) = package_line(line) {
            book.close(UNNAMED, package, outcome, took);
            self.speaker = Speaker::Package;
        } else if let Some((name, outcome, took)) = test_line(line) {
            book.tell(UNNAMED, name, outcome, took);
            self.speaker = Speaker::Test(name.to_owned());
        } else if let Some((name, runs)) = running(line) {
            if runs {
                book.begin(UNNAMED, name);
            } else {
                book.pause(UNNAMED, name);
            }
            self.speaker = Speaker::Test(name.to_owned());
        } else if let Some(package) = build_line(line) {
            self.speaker = Speaker::Build(package.to_owned());
            self.say(line, book);
        } else if line == "FAIL" || line == "PASS" {
            self.speaker = Speaker::Package;
        } else {
            self.say(line, book);
        }
    }

    fn finish(&mut self, _: Ended, _: &mut Book) {}
}

impl GoText {
    fn say(&self, line: &str, book: &mut Book) {
        let (unit, name) = match &self.speaker {
            Speaker::Package => (UNNAMED, ""),
            Speaker::Test(name) => (UNNAMED, name.as_str()),
            Speaker::Build(package) => (package.as_str(), ""),
        };
        book.output(unit, name, &format!("{line}\n"));
    }
}

/// `ok  \tp\t0.1s`, `FAIL\tp [build failed]`, `?   \tp\t[no test files]`.
fn package_line(line: &str) -> Option<(&str, TestOutcome, u64)> {
    let (word, rest) = line.split_once('\t')?;
    let outcome = match word.trim_end() {
        "ok" => TestOutcome::Ok,
        "FAIL" => TestOutcome::Failed,
        "?" => TestOutcome::Skipped,
        _ => return None,
    };
    let package = rest
        .split(['\t', ' '])
        .next()
        .filter(|name| !name.is_empty())?;
    let took = rest.split('\t').nth(1).and_then(seconds);
    Some((package, outcome, took.unwrap_or(0)))
}

/// `    --- FAIL: TestX/sub (0.00s)`, indented as deep as the test lies: what is deeper, a test has logged.
fn test_line(line: &str) -> Option<(&str, TestOutcome, u64)> {
    let told = line.trim_start_matches(' ');
    let indented = line.len() - told.len();
    let (word, rest) = told.strip_prefix("--- ")?.split_once(": ")?;
    let outcome = match word {
        "PASS" | "BENCH" => TestOutcome::Ok,
        "FAIL" => TestOutcome::Failed,
        "SKIP" => TestOutcome::Skipped,
        _ => return None,
    };
    let (name, took) = rest.rsplit_once(" (")?;
    // A name may have slashes of its own.
    let deepest = INDENT * name.matches('/').count();
    if indented > deepest || !indented.is_multiple_of(INDENT) {
        return None;
    }
    Some((name, outcome, seconds(took.strip_suffix(')')?)?))
}

/// `=== RUN   TestX`, and what says the same later; false where it waits for its turn.
fn running(line: &str) -> Option<(&str, bool)> {
    let (word, name) = line.strip_prefix("=== ")?.split_once(' ')?;
    let runs = match word {
        "RUN" | "CONT" | "NAME" => true,
        "PAUSE" => false,
        _ => return None,
    };
    Some((name.trim(), runs))
}

/// `# p`, `# p [p.test]`: before the compiler's errors. Dist describes the machine in lines that begin the same.
fn build_line(line: &str) -> Option<&str> {
    let (package, of) = match line.strip_prefix("# ")?.split_once(' ') {
        Some((package, of)) => (package, of),
        None => return line.strip_prefix("# "),
    };
    (of.starts_with('[') && of.ends_with(']')).then_some(package)
}

/// `0.01s`.
fn seconds(text: &str) -> Option<u64> {
    text.strip_suffix('s')?.parse().ok().map(milliseconds)
}
