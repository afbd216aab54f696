//! How names, spans, sizes and payloads look to people.

use std::time::Duration;

use farm_pubsub_emulator::MessageView;

/// Bytes of a payload that a page shows.
const SHOWN: usize = 4096;

/// `450 ms`, `12 s`, `3 min`, `2 h`, `4 d`.
pub(super) fn span(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        seconds @ 1..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// `812 B`, `3.2 KiB`, `1.0 MiB`.
pub(super) fn size(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{} KiB", tenths(1024)),
        0x10_0000..0x4000_0000 => format!("{} MiB", tenths(0x10_0000)),
        _ => format!("{} GiB", tenths(0x4000_0000)),
    }
}

/// `1,234,567`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The last part of a full name.
pub(super) fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The project of a full name.
pub(super) fn project(name: &str) -> &str {
    name.split('/').nth(1).unwrap_or_default()
}

/// A message on a page.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) published: String,
    pub(super) key: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) size: String,
    pub(super) payload: String,
    /// The payload goes on, or is no text.
    pub(super) note: &'static str,
}

impl Shown {
    pub(super) fn new(message: &MessageView) -> Self {
        let (payload, note) = payload(&message.data);
        Self {
            id: message.id.clone(),
            published: message.published.clone(),
            key: message.ordering_key.clone(),
            attributes: message.attributes.clone().into_iter().collect(),
            size: size(message.data.len() as u64),
            payload,
            note,
        }
    }

    /// `15:04:05` of the day it was.
    pub(super) fn clock(&self) -> &str {
        self.published.get(11..19).unwrap_or(&self.published)
    }
}

/// As much of it as a page shows, as text, or else as hex digits.
fn payload(data: &[u8]) -> (String, &'static str) {
    let cut = &data[..data.len().min(SHOWN)];
    let whole = cut.len() == data.len();
    let text = match std::str::from_utf8(cut) {
        Ok(text) => Some(text),
        // Only the last character is cut.
        Err(error) if !whole && error.error_len().is_none() => {
            std::str::from_utf8(&cut[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let note = if whole {
        ""
    } else {
        "only the beginning is shown"
    };
    match text {
        Some(text) => (text.chars().map(visible).collect(), note),
        None => (
            hex(&data[..data.len().min(256)]),
            "not text: the first bytes",
        ),
    }
}

/// Controls would act on whatever shows them.
fn visible(c: char) -> char {
    if c.is_control() && c != '\n' && c != '\t' {
        '\u{fffd}'
    } else {
        c
    }
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(16).map(|line| {
        let digits = line.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_sizes_and_counts_are_short() {
        let spans = [5, 119_000, 7_199_000, 172_799_000, 172_800_000];
        let spans = spans.map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(spans, ["5 ms", "119 s", "119 min", "47 h", "2 d"]);
        assert_eq!(
            [size(1023), size(3300), size(5 << 30)],
            ["1023 B", "3.2 KiB", "5.0 GiB"]
        );
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_234_567)],
            ["0", "999", "1,234,567"]
        );
    }

    #[test]
    fn names_have_a_project_and_an_id() {
        let name = "projects/p/topics/t";
        assert_eq!((project(name), id(name)), ("p", "t"));
        assert_eq!(
            (project("_deleted-topic_"), id("_deleted-topic_")),
            ("", "_deleted-topic_")
        );
    }

    #[test]
    fn a_payload_is_text_as_far_as_it_is() {
        assert_eq!(payload(b"a\x1b[1m\n"), ("a\u{fffd}[1m\n".to_owned(), ""));
        assert_eq!(payload(b"\xff\x00").0, "ff 00");
        let long = "ä".repeat(SHOWN).into_bytes();
        let (shown, note) = payload(&long[1..]);
        assert_eq!(
            (shown.len(), note),
            (16 * 48 - 1, "not text: the first bytes")
        );
        let (shown, note) = payload(format!("x{}", "ä".repeat(SHOWN)).as_bytes());
        assert_eq!(
            (shown.len(), note),
            (SHOWN - 1, "only the beginning is shown")
        );
    }
}
