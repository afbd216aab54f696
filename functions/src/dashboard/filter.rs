//! Which rows and columns of a grid somebody wants to see.

use farm_model::view::{Cell, GridRow, GridView, Status};
use percent_encoding::utf8_percent_encode;
use serde::Deserialize;

use super::place::SPECIAL;
use crate::columns::{self, Column};

/// Characters of a filter that count.
const LONGEST: usize = 100;

/// The part of a query that filters. What is empty filters nothing.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Filter {
    /// Words that a builder's name has, in any order.
    #[serde(default)]
    pub(super) builder: String,
    /// The group that a builder is in.
    #[serde(default)]
    pub(super) os: String,
    /// What the author's name or address has.
    #[serde(default)]
    pub(super) author: String,
    /// Only rows and columns that have red.
    #[serde(default)]
    pub(super) red: String,
    /// Only first-class ports.
    #[serde(default)]
    pub(super) first: String,
}

/// What is left of a grid, by index.
pub(super) struct Left {
    /// In the order in which they are shown.
    pub(super) columns: Vec<usize>,
    pub(super) rows: Vec<usize>,
}

impl Filter {
    /// Whether it lets everything through.
    pub(super) fn is_empty(&self) -> bool {
        self.parts().iter().all(|(_, value)| value.is_empty())
    }

    /// As the end of a query: `&builder=arm&red=1`; empty where it lets everything through.
    pub(super) fn query(&self) -> String {
        let set = self
            .parts()
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        set.map(|(name, value)| {
            let value: String = value.chars().take(LONGEST).collect();
            format!("&{name}={}", utf8_percent_encode(&value, SPECIAL))
        })
        .collect()
    }

    fn parts(&self) -> [(&'static str, &str); 5] {
        [
            ("builder", self.builder.trim()),
            ("os", self.os.trim()),
            ("author", self.author.trim()),
            ("red", self.red.trim()),
            ("first", self.first.trim()),
        ]
    }

    /// What it leaves of `view`, with columns in order.
    pub(super) fn apply(&self, view: &GridView) -> Left {
        let author = self.author.trim().to_lowercase();
        let mut left = Left {
            columns: self.columns(view),
            rows: (0..view.rows.len())
                .filter(|row| is_by(&view.rows[*row], &author))
                .collect(),
        };
        if !self.red.trim().is_empty() {
            let reds =
                |row: usize, column: usize| cell(&view.rows[row], column).is_some_and(is_red);
            let Left { columns, rows } = &left;
            left = Left {
                columns: some(columns, |column| rows.iter().any(|row| reds(*row, column))),
                rows: some(rows, |row| columns.iter().any(|column| reds(row, *column))),
            };
        }
        left
    }

    fn columns(&self, view: &GridView) -> Vec<usize> {
        let builder = self.builder.to_lowercase();
        let words: Vec<&str> = builder.split_whitespace().collect();
        let os = self.os.trim();
        let wanted = |name: &str| {
            let column = Column::new(name);
            let lower = name.to_lowercase();
            words.iter().all(|word| lower.contains(word))
                && (os.is_empty() || column.group == os)
                && (self.first.trim().is_empty() || column.is_first_class())
        };
        some(&in_order(view), |column| {
            wanted(view.builders[column].as_str())
        })
    }
}

/// The columns of a grid as they are shown: by group where builders are named by system, and else as they come.
pub(super) fn in_order(view: &GridView) -> Vec<usize> {
    let name = |column: &usize| view.builders[*column].as_str();
    let mut columns: Vec<usize> = (0..view.builders.len()).collect();
    if columns::are_systems(columns.iter().map(name)) {
        columns.sort_by(|one, other| columns::by_rank(name(one), name(other)));
    }
    columns
}

/// The cell of a column; a row may end before it.
pub(super) fn cell(row: &GridRow, column: usize) -> Option<&Cell> {
    row.cells.get(column)?.as_ref()
}

/// Failed, and not by chance.
pub(super) fn is_red(cell: &Cell) -> bool {
    cell.status == Status::Failed && !is_flaky(cell)
}

/// Failed by chance, as far as is known.
pub(super) fn is_flaky(cell: &Cell) -> bool {
    let by_chance = |failure: &farm_model::view::Failure| failure.by_chance;
    cell.status == Status::Failed && cell.failure.as_ref().is_some_and(by_chance)
}

fn is_by(row: &GridRow, author: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(author);
    author.is_empty() || has(&row.commit.author) || has(&row.commit.email)
}

fn some(indices: &[usize], wanted: impl Fn(usize) -> bool) -> Vec<usize> {
    let wanted = indices.iter().copied().filter(|index| wanted(*index));
    wanted.collect()
}
