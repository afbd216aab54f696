//! `go test -json`: the events of test2json (`go doc test2json`), one a line.

use std::borrow::Cow;

use serde::Deserialize;

use farm_model::message::progress::TestOutcome;

use crate::book::Book;
use crate::reader::{Ended, LineParser, milliseconds};

/// Knows nothing from one line to the next: the book does.
pub struct GoJson;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    package: Cow<'a, str>,
    #[serde(borrow, default)]
    test: Cow<'a, str>,
    #[serde(borrow, default)]
    output: Cow<'a, str>,
    /// Seconds.
    #[serde(default)]
    elapsed: f64,
    /// Of what is built.
    #[serde(borrow, default)]
    import_path: Cow<'a, str>,
    /// The build that a package failed for.
    #[serde(borrow, default)]
    failed_build: Cow<'a, str>,
}

impl LineParser for GoJson {
    fn line(&mut self, line: &str, book: &mut Book) {
        // Between events lies what tools say beside them.
        let Ok(event) = serde_json::from_str::<Event<'_>>(line) else {
            return;
        };
        match &*event.action {
            "run" | "cont" => book.begin(&event.package, &event.test),
            "pause" => book.pause(&event.package, &event.test),
            "output" if is_frame(&event.output) => {}
            "output" => book.output(&event.package, &event.test, &event.output),
            "build-output" => book.output(&event.import_path, "", &event.output),
            "pass" | "bench" => event.ended(TestOutcome::Ok, book),
            "fail" => event.ended(TestOutcome::Failed, book),
            "skip" => event.ended(TestOutcome::Skipped, book),
            _ => {}
        }
    }

    fn finish(&mut self, _: Ended, _: &mut Book) {}
}

impl Event<'_> {
    fn ended(&self, outcome: TestOutcome, book: &mut Book) {
        let took = milliseconds(self.elapsed);
        if self.package.is_empty() {
            return;
        }
        if !self.test.is_empty() {
            return book.end(&self.package, &self.test, outcome, took);
        }
        if !self.failed_build.is_empty() {
            book.quote(&self.failed_build, &self.package);
        }
        book.close(&self.package, &self.package, outcome, took);
    }
}

/// `=== RUN   TestX`: says nothing that the event does not.
fn is_frame(output: &str) -> bool {
    output.starts_with("=== ")
}
