//! How a branch stands: which of its builders are red, by the newest commit that each has decided.

use farm_model::view::{Cell, GridView, Status};
use serde::Deserialize;

/// What a cell tells of its builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Green,
    Red,
    /// Nothing: it is open, was lost, or failed by chance.
    Nothing,
}

/// Of a branch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Builders that are red, in the order of columns.
    pub(super) red: Vec<Red>,
    /// How many are green.
    pub(super) green: usize,
    /// Columns of which nothing is known.
    pub(super) silent: Vec<usize>,
}

/// A builder that is red.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Red {
    /// Its column.
    pub(super) column: usize,
    /// The row of its newest red build.
    pub(super) newest: usize,
    /// The row of the oldest one since it was last green.
    pub(super) since: usize,
    /// It was green before that, as the rows show.
    pub(super) known: bool,
}

impl Standing {
    /// Of the branch that `view` shows.
    pub(super) fn of(view: &GridView) -> Self {
        let mark = |cell: &Option<Cell>| {
            let cell = cell.as_ref();
            cell.map_or(Mark::Nothing, |cell| {
                let failure = cell.failure.as_ref();
                mark(
                    cell.status,
                    failure.is_some_and(|failure| failure.by_chance),
                )
            })
        };
        let rows: Vec<Vec<Mark>> = view
            .rows
            .iter()
            .map(|row| row.cells.iter().map(mark).collect())
            .collect();
        Self::of_marks(view.builders.len(), &rows)
    }

    fn of_marks(columns: usize, rows: &[Vec<Mark>]) -> Self {
        let mut standing = Self::default();
        for column in 0..columns {
            let mut marks = rows
                .iter()
                .map(|row| row.get(column).copied().unwrap_or(Mark::Nothing))
                .enumerate()
                .filter(|(_, mark)| *mark != Mark::Nothing);
            match marks.next() {
                None => standing.silent.push(column),
                Some((_, Mark::Red)) => standing.red.extend(red(column, rows)),
                Some(_) => standing.green += 1,
            }
        }
        standing
    }
}

/// From its newest red build back to the last that was not.
fn red(column: usize, rows: &[Vec<Mark>]) -> Option<Red> {
    let marks = rows.iter().enumerate();
    let marks = marks.map(|(at, row)| (at, row.get(column).copied().unwrap_or(Mark::Nothing)));
    let known = marks.clone().any(|(_, mark)| mark == Mark::Green);
    let unbroken = marks.take_while(|(_, mark)| *mark != Mark::Green);
    let reds: Vec<usize> = unbroken
        .filter(|(_, mark)| *mark == Mark::Red)
        .map(|(at, _)| at)
        .collect();
    Some(Red {
        column,
        newest: *reds.first()?,
        since: *reds.last()?,
        known,
    })
}

fn mark(status: Status, by_chance: bool) -> Mark {
    match status {
        Status::Ok => Mark::Green,
        Status::Failed if !by_chance => Mark::Red,
        _ => Mark::Nothing,
    }
}

/// A branch's standing in few words, read from its grid without the rest of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "Document")]
pub(super) enum Summary {
    /// So many of its builders are red.
    Red(usize),
    Green,
    Unknown,
}

#[derive(Deserialize)]
struct Document {
    builders: Vec<serde::de::IgnoredAny>,
    rows: Vec<DocumentRow>,
}

#[derive(Deserialize)]
struct DocumentRow {
    cells: Vec<Option<DocumentCell>>,
}

#[derive(Deserialize)]
struct DocumentCell {
    status: Status,
    failure: Option<DocumentFailure>,
}

#[derive(Deserialize)]
struct DocumentFailure {
    #[serde(default)]
    by_chance: bool,
}

impl From<Document> for Summary {
    fn from(document: Document) -> Self {
        let of = |cell: Option<DocumentCell>| {
            cell.map_or(Mark::Nothing, |cell| {
                mark(
                    cell.status,
                    cell.failure.is_some_and(|failure| failure.by_chance),
                )
            })
        };
        let rows: Vec<Vec<Mark>> = document
            .rows
            .into_iter()
            .map(|row| row.cells.into_iter().map(of).collect())
            .collect();
        (&Standing::of_marks(document.builders.len(), &rows)).into()
    }
}

impl From<&Standing> for Summary {
    fn from(standing: &Standing) -> Self {
        match (standing.red.len(), standing.green) {
            (0, 0) => Self::Unknown,
            (0, _) => Self::Green,
            (red, _) => Self::Red(red),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` green, `-` red, `.` nothing; newest row first.
    fn rows(text: &[&str]) -> Vec<Vec<Mark>> {
        let mark = |c| match c {
            '+' => Mark::Green,
            '-' => Mark::Red,
            _ => Mark::Nothing,
        };
        text.iter()
            .map(|row| row.chars().map(mark).collect())
            .collect()
    }

    #[test]
    fn a_builder_is_what_its_newest_decided_build_was() {
        let standing = Standing::of_marks(5, &rows(&[".-.+", "-.-+", "--.-", "+-.."]));
        let red = |column, newest, since, known| Red {
            column,
            newest,
            since,
            known,
        };
        let expected = Standing {
            red: vec![red(0, 1, 2, true), red(1, 0, 3, false), red(2, 1, 1, false)],
            green: 1,
            silent: vec![4],
        };
        assert_eq!(standing, expected);
        assert_eq!(Summary::from(&standing), Summary::Red(3));
    }

    #[test]
    fn a_summary_is_read_from_the_grids_document() {
        let summary = |cells: &str| {
            let text = format!(
                r#"{{"made":"x","builders":["a"],"rows":[{{"commit":{{}},"cells":[{cells}]}}]}}"#
            );
            serde_json::from_str::<Summary>(&text).unwrap()
        };
        assert_eq!(
            summary(r#"{"build":"x","run":1,"status":"ok"}"#),
            Summary::Green
        );
        assert_eq!(
            summary(r#"{"status":"failed","failure":{"reason":""}}"#),
            Summary::Red(1)
        );
        let flaky = r#"{"status":"failed","failure":{"reason":"","by_chance":true}}"#;
        assert_eq!(summary(flaky), Summary::Unknown);
        assert_eq!(summary("null"), Summary::Unknown);
    }
}
