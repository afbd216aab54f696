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

/// About how long something has lasted, in its two largest units: `5s`, `3m 20s`, `2h 5m`, `4d 3h`.
pub fn rough(lasted: Duration) -> String {
    let seconds = lasted.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let largest = units.iter().position(|(size, _)| seconds >= *size);
    let from = largest.unwrap_or(units.len() - 1);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units.iter().skip(from).take(2) {
        parts.push(format!("{}{unit}", rest / size));
        rest %= size;
    }
    parts.join(" ")
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

/// The text without the URL, which may hold a secret: from where it begins in the text to where it must have ended.
pub fn without_url(text: &str, url: &str) -> String {
    let begin = url.split('?').next().filter(|begin| !begin.is_empty());
    let mut parts = text.split(begin.unwrap_or(url));
    let first = parts.next().unwrap_or_default();
    let ends = |letter: char| letter.is_whitespace() || "\"'<>".contains(letter);
    parts.fold(first.to_owned(), |said, part| {
        let rest = part.find(ends).map_or("", |end| &part[end..]);
        format!("{said}(its URL){rest}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_left_out_whole_or_cut() {
        let url = "https://example.org/go.tar.gz?token=secret";
        let text = format!("fetching provided URL \"{url}\": 404; {url}");
        let wanted = "fetching provided URL \"(its URL)\": 404; (its URL)";
        assert_eq!(without_url(&text, url), wanted);
        let cut = "no: https://example.org/go.tar.gz?token=sec";
        assert_eq!(without_url(cut, url), "no: (its URL)");
        assert_eq!(without_url("no answer", url), "no answer");
    }

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
    fn ages_are_said_in_two_units() {
        let said = |seconds| rough(Duration::from_secs(seconds));
        assert_eq!(
            [said(0), said(59), said(200), said(7500), said(356_400)],
            ["0s", "59s", "3m 20s", "2h 5m", "4d 3h"]
        );
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
