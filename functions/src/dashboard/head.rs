//! What stands above the columns of a grid: systems, architectures, and the rest of each name. Columns are as narrow as a
//! symbol: a label that is wider than its columns stands upright, together with what would follow below it.

use std::borrow::Cow;

use crate::columns::Column;

/// Pixels of a column, of a character of a label, and around a label: as `grid.css` has them.
const COLUMN: usize = 26;
const CHARACTER: usize = 7;
const AROUND: usize = 6;
/// Lines there are at most.
const LINES: usize = 3;

/// A cell of the table's head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) label: Cow<'a, str>,
    /// In full; said to those who cannot see where it stands.
    pub(super) title: &'a str,
    pub(super) columns: usize,
    pub(super) lines: usize,
    pub(super) upright: bool,
    /// Another group begins.
    pub(super) edge: bool,
}

impl<'a> Head<'a> {
    /// Of a column without groups.
    pub(super) fn plain(name: &'a str, upright: bool) -> Self {
        Self::upright(name.into(), name, 1, false).turned(upright)
    }

    fn upright(label: Cow<'a, str>, title: &'a str, lines: usize, edge: bool) -> Self {
        Self {
            label,
            title,
            columns: 1,
            lines,
            upright: true,
            edge,
        }
    }

    fn turned(self, upright: bool) -> Self {
        Self { upright, ..self }
    }

    /// Over many columns.
    fn over(label: &'a str, columns: usize, edge: bool) -> Self {
        Self {
            label: label.into(),
            title: label,
            columns,
            lines: 1,
            upright: false,
            edge,
        }
    }

    /// What `scope` says.
    pub(super) fn scope(&self) -> &'static str {
        if self.columns > 1 { "colgroup" } else { "col" }
    }
}

/// The head of columns that are in order, line by line: none is empty.
pub(super) fn grouped<'a>(columns: &[Column<'a>]) -> Vec<Vec<Head<'a>>> {
    let mut lines: Vec<Vec<Head<'a>>> = (0..LINES).map(|_| Vec::new()).collect();
    let mut edge = false;
    for group in columns.chunk_by(|one, next| one.group == next.group) {
        group_into(&mut lines, group, edge);
        edge = true;
    }
    lines.retain(|line| !line.is_empty());
    let deepest = lines.len();
    for (above, line) in lines.iter_mut().enumerate() {
        for head in line {
            head.lines = head.lines.min(deepest - above);
        }
    }
    lines
}

fn group_into<'a>(lines: &mut [Vec<Head<'a>>], group: &[Column<'a>], edge: bool) {
    let name = group[0].group;
    // A lone column says more with its whole name than with two halves of it.
    if group.len() == 1 || !fits(name, group.len()) {
        let upright = |(at, column): (usize, &Column<'a>)| {
            Head::upright(column.name.into(), column.name, LINES, edge && at == 0)
        };
        lines[0].extend(group.iter().enumerate().map(upright));
        return;
    }
    lines[0].push(Head::over(name, group.len(), edge));
    let mut edge = edge;
    for run in group.chunk_by(|one, next| one.arch == next.arch) {
        arch_into(lines, run, edge);
        edge = false;
    }
}

fn arch_into<'a>(lines: &mut [Vec<Head<'a>>], run: &[Column<'a>], edge: bool) {
    let arch = run[0].arch;
    let wide = run.iter().any(|column| !column.rest.is_empty()) && fits(arch, run.len());
    for (at, column) in run.iter().enumerate() {
        let edge = edge && at == 0;
        if wide {
            lines[2].push(Head::upright(column.rest.into(), column.name, 1, edge));
        } else {
            lines[1].push(Head::upright(below_group(column), column.name, 2, edge));
        }
    }
    if wide {
        lines[1].push(Head::over(arch, run.len(), edge));
    }
}

/// What the name says beside its group.
fn below_group<'a>(column: &Column<'a>) -> Cow<'a, str> {
    match (column.arch, column.rest) {
        ("", _) => column.name.into(),
        (arch, "") => arch.into(),
        (arch, rest) => format!("{arch}-{rest}").into(),
    }
}

fn fits(label: &str, columns: usize) -> bool {
    label.chars().count() * CHARACTER + AROUND <= columns * COLUMN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &[&str]) -> Vec<String> {
        let columns: Vec<Column<'_>> = names.iter().map(|name| Column::new(name)).collect();
        let head = |head: &Head<'_>| match (head.columns, head.lines) {
            (1, 1) => head.label.to_string(),
            (columns, lines) => format!("{} {columns}x{lines}", head.label),
        };
        let line = |line: &Vec<Head<'_>>| line.iter().map(head).collect::<Vec<_>>().join(", ");
        grouped(&columns).iter().map(line).collect()
    }

    #[test]
    fn what_is_wide_enough_stands_above_its_columns() {
        let names = [
            "linux-386",
            "linux-amd64",
            "linux-amd64-nocgo",
            "linux-amd64-longtest",
            "linux-arm",
            "openbsd-386",
            "openbsd-amd64",
        ];
        let expected = [
            "linux 5x1, openbsd-386 1x3, openbsd-amd64 1x3",
            "386 1x2, amd64 3x1, arm 1x2",
            ", nocgo, longtest",
        ];
        assert_eq!(said(&names), expected);
    }

    #[test]
    fn no_line_is_empty() {
        let expected = ["js-wasm, pi"];
        assert_eq!(said(&["js-wasm", "pi"]), expected);
        let races = ["darwin-amd64-race", "freebsd-amd64-race"];
        assert_eq!(said(&races), ["race 2x1", "darwin, freebsd"]);
    }
}
