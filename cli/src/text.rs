//! Text as people read it: counted nouns, ages, colours, and nothing that could drive a terminal.

/// What a piece of text means, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Green.
    Good,
    /// Red.
    Bad,
    /// Yellow.
    Odd,
    /// Dim.
    Quiet,
}

/// The text in its tone, if colours are shown.
pub fn paint(colours: bool, tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Good => 32,
        Tone::Bad => 31,
        Tone::Odd => 33,
        Tone::Quiet => 2,
    };
    if colours {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// `1 host`, `2 hosts`, `3 repositories`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `5s`, `3m`, `2h`, `4d`: the largest unit that fits.
pub fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `999 B`, `1.5 kB`, `20.0 MB`: the largest unit that fits.
pub fn bytes(count: u64) -> String {
    let units = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    match units.into_iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", count / unit, count % unit * 10 / unit),
        None => format!("{count} B"),
    }
}

/// Others wrote it (an author, a server): on a terminal it must be text and nothing else, and one line.
pub fn plain(text: &str) -> String {
    let harmless = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(harmless).collect()
}

/// At most `length` characters, with a mark where some were left out.
pub fn cut(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept: String = text.chars().take(length.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// Rows below each other, each column as wide as its widest cell and two spaces apart. Cells must have no colours: those have
/// no width.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}", width = *width))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_take_the_largest_unit() {
        let ages = [-5, 0, 59, 60, 7_199, 86_399, 200_000].map(age);
        assert_eq!(ages, ["0s", "0s", "59s", "1m", "1h", "23h", "2d"]);
    }

    #[test]
    fn sizes_take_the_largest_unit() {
        let sizes = [0, 999, 1_000, 1_999_999, 20_000_000, 3_400_000_000_000_000].map(bytes);
        assert_eq!(
            sizes,
            ["0 B", "999 B", "1.0 kB", "1.9 MB", "20.0 MB", "3400.0 TB"]
        );
    }

    #[test]
    fn what_others_wrote_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{9b}d"), "a [2Jb c d");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let lines = columns(&[row(["a", "bb"]), row(["äöü", ""]), row(["c", "d"])]);
        assert_eq!(lines, ["a    bb", "äöü", "c    d"]);
        assert!(columns(&[]).is_empty());
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
