//! How durations and commands look in logs and reasons.

use std::time::Duration;

/// A limit as people set it: `10s`, `1m30s`, `2h`.
pub fn span(limit: Duration) -> String {
    let seconds = limit.as_secs();
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let text: String = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

/// How long something took: `0.42s`, `12.3s`, `3m5s`.
pub fn words(took: Duration) -> String {
    match took.as_secs() {
        0..10 => format!("{:.2}s", took.as_secs_f64()),
        10..60 => format!("{:.1}s", took.as_secs_f64()),
        _ => span(took),
    }
}

/// A command as one could type it into a shell.
pub fn command(argv: &[String]) -> String {
    let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// One line of at most `most` characters.
pub fn one_line(text: &str, most: usize) -> String {
    let line: String = text
        .trim()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(most + 1)
        .collect();
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_said_as_they_are_set() {
        let said = |seconds| span(Duration::from_secs(seconds));
        assert_eq!(
            [said(0), said(10), said(90), said(7200)],
            ["0s", "10s", "1m30s", "2h"]
        );
        assert_eq!(words(Duration::from_millis(420)), "0.42s");
        assert_eq!(words(Duration::from_secs(185)), "3m5s");
    }

    #[test]
    fn commands_can_be_typed_again() {
        let argv = ["sh", "-c", "echo it's $HOME", ""].map(str::to_owned);
        assert_eq!(command(&argv), r"sh -c 'echo it'\''s $HOME' ''");
    }

    #[test]
    fn reasons_are_one_line() {
        assert_eq!(one_line(" a\nb\tc ", 10), "a b c");
        assert_eq!(one_line("äöüß", 2), "äö…");
        assert_eq!(one_line("äö", 2), "äö");
    }
}
