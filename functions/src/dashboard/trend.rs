//! How a builder's runs change over time: small pictures that are made here, each with the same in words, and a table by
//! day.

use std::collections::BTreeMap;

use farm_model::Timestamp;
use farm_model::view::{BuilderRun, Status};

use super::text::millis;

/// Runs of a picture: the newest.
const SHOWN: usize = 100;
/// Days of the table: the newest.
const DAYS: usize = 14;
/// Size of a picture, in its own units.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 80.0;
/// Room above and below, so that marks are whole.
const MARGIN: f64 = 8.0;

/// A line of values, oldest first. Nothing is drawn of fewer than two.
pub(super) struct Spark {
    /// `x,y` pairs.
    pub(super) points: String,
    /// Where runs failed or were lost.
    pub(super) marks: Vec<Mark>,
    /// What the picture says.
    pub(super) text: String,
    pub(super) drawn: bool,
}

/// A run that did not come out well.
pub(super) struct Mark {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) class: &'static str,
    /// Shape besides colour.
    pub(super) symbol: &'static str,
}

/// What a builder did on one day, UTC.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) day: String,
    pub(super) ok: usize,
    pub(super) failed: usize,
    /// Of those that failed: by tests that are known to fail by chance, alone.
    pub(super) by_chance: usize,
    pub(super) lost: usize,
    /// Of those that were decided, in percent.
    pub(super) chance_rate: usize,
    pub(super) took: String,
    pub(super) waited: String,
}

/// How long runs took that are over.
pub(super) fn took(runs: &[BuilderRun]) -> Spark {
    spark("took", runs, |run| {
        Some(span(run.line.began?, run.line.finished?))
    })
}

/// How long runs waited for their first machine.
pub(super) fn waited(runs: &[BuilderRun]) -> Spark {
    spark("waited", runs, |run| {
        Some(span(run.line.opened, run.line.began?))
    })
}

fn span(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0)
}

fn spark(did: &str, runs: &[BuilderRun], value: fn(&BuilderRun) -> Option<u64>) -> Spark {
    let mut values: Vec<(u64, Status)> = runs
        .iter()
        .filter_map(|run| Some((value(run)?, run.line.status)))
        .take(SHOWN)
        .collect();
    values.reverse();
    let places = places(&values);
    let points: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    let marks = std::iter::zip(&values, &places);
    Spark {
        points: points.join(" "),
        marks: marks
            .filter_map(|((_, status), (x, y))| mark(*status, *x, *y))
            .collect(),
        text: words(did, &values),
        drawn: values.len() > 1,
    }
}

fn places(values: &[(u64, Status)]) -> Vec<(f64, f64)> {
    let most = values
        .iter()
        .map(|(value, _)| *value)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let step = WIDTH / values.len().saturating_sub(1).max(1) as f64;
    let place = |(n, (value, _)): (usize, &(u64, Status))| {
        let room = HEIGHT - 2.0 * MARGIN;
        (
            n as f64 * step,
            HEIGHT - MARGIN - room * *value as f64 / most,
        )
    };
    values.iter().enumerate().map(place).collect()
}

fn mark(status: Status, x: f64, y: f64) -> Option<Mark> {
    let symbol = match status {
        Status::Failed => "\u{2717}",
        Status::Lost => "!",
        Status::Ok | Status::Queued | Status::Running => return None,
    };
    Some(Mark {
        x: format!("{x:.1}"),
        y: format!("{y:.1}"),
        class: status.as_str(),
        symbol,
    })
}

/// `The last 40 runs took from 2 min 0 s to 5 min 3 s, half of them at most 3 min 1 s.`
fn words(did: &str, values: &[(u64, Status)]) -> String {
    let mut sorted: Vec<u64> = values.iter().map(|(value, _)| *value).collect();
    sorted.sort_unstable();
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else {
        return format!("No run {did} a known time yet.");
    };
    match sorted.len() {
        1 => format!("The last run {did} {}.", millis(*least)),
        count => format!(
            "The last {count} runs {did} from {} to {}, half of them at most {}.",
            millis(*least),
            millis(*most),
            median(&sorted)
        ),
    }
}

/// Of sorted values; empty where there are none.
fn median(sorted: &[u64]) -> String {
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted
        .get(middle)
        .map_or_else(String::new, |of| millis(*of))
}

/// By the day on which runs were decided, newest first.
pub(super) fn days(runs: &[BuilderRun]) -> Vec<Day> {
    let mut days = BTreeMap::<String, Vec<&BuilderRun>>::new();
    for run in runs {
        if let Some(finished) = run.line.finished {
            let day = finished.strftime("%Y-%m-%d").to_string();
            days.entry(day).or_default().push(run);
        }
    }
    let newest = days.into_iter().rev().take(DAYS);
    newest.map(|(day, runs)| of_day(day, &runs)).collect()
}

fn of_day(day: String, runs: &[&BuilderRun]) -> Day {
    let count = |status| runs.iter().filter(|run| run.line.status == status).count();
    let by_chance = |run: &&&BuilderRun| {
        let failure = run.line.failure.as_ref();
        run.line.status == Status::Failed && failure.is_some_and(|failure| failure.by_chance)
    };
    let by_chance = runs.iter().filter(by_chance).count();
    let sorted = |value: fn(&BuilderRun) -> Option<u64>| {
        let mut values: Vec<u64> = runs.iter().filter_map(|run| value(run)).collect();
        values.sort_unstable();
        values
    };
    Day {
        day,
        ok: count(Status::Ok),
        failed: count(Status::Failed),
        by_chance,
        lost: count(Status::Lost),
        chance_rate: 100 * by_chance / runs.len().max(1),
        took: median(&sorted(|run| {
            Some(span(run.line.began?, run.line.finished?))
        })),
        waited: median(&sorted(|run| Some(span(run.line.opened, run.line.began?)))),
    }
}

#[cfg(test)]
mod tests {
    use farm_model::record::BuildKind;
    use farm_model::view::{BuildLine, Failure};

    use super::*;

    fn run(n: i64, status: Status, minutes: i64, by_chance: bool) -> BuilderRun {
        let at = |minute: i64| Timestamp::from_second(n * 86_400 + minute * 60).unwrap();
        let failure = Failure {
            reason: "x".to_owned(),
            attempt: None,
            log: None,
            by_chance,
        };
        BuilderRun {
            repo: "demo".parse().unwrap(),
            commit: "a".repeat(40).parse().unwrap(),
            subject: String::new(),
            line: BuildLine {
                build: "b".repeat(32).parse().unwrap(),
                builder: "pi".parse().unwrap(),
                branch: "main".to_owned(),
                kind: BuildKind::PostSubmit,
                against: None,
                run: 1,
                status,
                opened: at(0),
                began: Some(at(1)),
                finished: Some(at(1 + minutes)),
                failure: (status == Status::Failed).then_some(failure),
            },
        }
    }

    #[test]
    fn a_picture_goes_from_old_to_new_and_says_the_same_in_words() {
        let runs = [
            run(2, Status::Ok, 4, false),
            run(1, Status::Failed, 8, false),
            run(0, Status::Ok, 2, false),
        ];
        let spark = took(&runs);
        assert_eq!(spark.points, "0.0,56.0 300.0,8.0 600.0,40.0");
        assert_eq!((spark.marks.len(), spark.marks[0].x.as_str()), (1, "300.0"));
        let words =
            "The last 3 runs took from 2 min 0 s to 8 min 0 s, half of them at most 4 min 0 s.";
        assert_eq!(spark.text, words);
        assert!(waited(&runs).text.contains("waited from 1 min 0 s"));
        assert!(!took(&runs[..1]).drawn && took(&runs[..1]).text.contains("The last run took"));
        assert_eq!(took(&[]).text, "No run took a known time yet.");
    }

    #[test]
    fn a_day_counts_what_failed_by_chance_among_all_that_was_decided() {
        let runs = [
            run(1, Status::Failed, 1, true),
            run(1, Status::Ok, 3, false),
            run(1, Status::Failed, 5, false),
            run(1, Status::Lost, 5, false),
            run(0, Status::Ok, 1, false),
        ];
        let days = days(&runs);
        assert_eq!(days.len(), 2);
        let expected = Day {
            day: "1970-01-02".to_owned(),
            ok: 1,
            failed: 2,
            by_chance: 1,
            lost: 1,
            chance_rate: 25,
            took: "3 min 0 s".to_owned(),
            waited: "1 min 0 s".to_owned(),
        };
        assert_eq!(days[0], expected);
    }
}
