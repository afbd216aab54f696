//! Commits by builders, as text.

use farm_model::view::{Cell, GridRow, GridView};

use super::tone;
use crate::text::{Tone, cut, paint, plain};

/// Of an author's name and of a subject, in characters.
const AUTHOR: usize = 16;
const SUBJECT: usize = 60;
/// A commit's short id.
const COMMIT: usize = 8;

/// The newest `commits` rows below a line of builders.
pub fn render(grid: &GridView, commits: usize, colours: bool) -> String {
    let widths: Vec<usize> = grid
        .builders
        .iter()
        .map(|name| column(name.as_str()))
        .collect();
    let names = grid.builders.iter().zip(&widths);
    let names = names.map(|(name, width)| format!("{:width$}  ", name.as_str(), width = *width));
    let heads: String = names.collect();
    let head = format!("{:COMMIT$}  {heads}{:AUTHOR$}  subject", "commit", "author");
    let mut lines = vec![paint(colours, Tone::Quiet, &head)];
    let rows = grid.rows.iter().take(commits);
    lines.extend(rows.map(|row| line(row, &widths, colours)));
    if grid.rows.is_empty() {
        lines.push("no commits yet".to_owned());
    }
    lines.join("\n")
}

/// As wide as its name or the longest state.
fn column(name: &str) -> usize {
    name.len().max("running".len())
}

fn line(row: &GridRow, widths: &[usize], colours: bool) -> String {
    let cells = row.cells.iter().zip(widths);
    let cells: String = cells
        .map(|(cell, width)| state(cell.as_ref(), *width, colours) + "  ")
        .collect();
    let commit = &row.commit;
    let author = cut(&plain(&commit.author), AUTHOR);
    let subject = cut(&plain(&commit.subject), SUBJECT);
    format!("{}  {cells}{author:AUTHOR$}  {subject}", commit.id.short())
}

/// Padded before it is painted: colours have no width.
fn state(cell: Option<&Cell>, width: usize, colours: bool) -> String {
    match cell {
        None => format!("{:width$}", ""),
        Some(cell) => {
            let text = format!("{:width$}", cell.status.as_str());
            paint(colours, tone(cell.status), &text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> GridView {
        let build = "b".repeat(32);
        let json = format!(
            r#"{{"made":"2026-01-01T00:00:00Z","repo":"sample","branch":"main","builders":["lint","shell-test"],"rows":[
            {{"commit":{{"id":"{}","parents":[],"author":"Zoë","email":"","time":"2026-01-01T00:00:00Z",
            "subject":"add: be\u001b[2J right"}},"cells":[null,{{"build":"{build}","run":1,"status":"failed"}}]}},
            {{"commit":{{"id":"{}","parents":[],"author":"A gopher of many names","email":"",
            "time":"2026-01-01T00:00:00Z","subject":"first"}},"cells":[null,null]}}]}}"#,
            "c".repeat(40),
            "d".repeat(40),
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn columns_stand_below_their_builders() {
        let want = "\
commit    lint     shell-test  author            subject
cccccccc           failed      Zoë               add: be [2J right
dddddddd                       A gopher of man…  first";
        assert_eq!(render(&grid(), 10, false), want);
        assert_eq!(render(&grid(), 1, false).lines().count(), 2);
    }

    #[test]
    fn a_state_is_painted_with_its_padding() {
        assert!(render(&grid(), 10, true).contains("\u{1b}[31mfailed    \u{1b}[0m  Zoë"));
    }
}
