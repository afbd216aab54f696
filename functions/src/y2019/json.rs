//! JSON as Go's encoder writes it.

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::PrettyFormatter;

/// On one line, without a line end.
///
/// # Errors
/// `value` has keys that are no text.
pub(crate) fn line(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escaped)
}

/// Indented with tabs, without a line end at its end.
///
/// # Errors
/// `value` has keys that are no text.
pub(crate) fn indented(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    let tabs = PrettyFormatter::with_indent(b"\t");
    value.serialize(&mut Serializer::with_formatter(&mut bytes, tabs))?;
    Ok(escaped(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Go escapes what a browser might take for markup, and what a script might take for a line end. All of it can stand in
/// strings alone.
fn escaped(json: String) -> String {
    const SPECIAL: [(char, &str); 5] = [
        ('<', "\\u003c"),
        ('>', "\\u003e"),
        ('&', "\\u0026"),
        ('\u{2028}', "\\u2028"),
        ('\u{2029}', "\\u2029"),
    ];
    let special = |json: String, (c, to): &(char, &str)| match json.contains(*c) {
        true => json.replace(*c, to),
        false => json,
    };
    SPECIAL.iter().fold(json, special)
}

/// At most `most` bytes of `text`, cut between characters (spec `dashboard.md` 2.4).
pub(crate) fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn strings_are_escaped_as_go_does() {
        let text = line(&json!("<a href=\"x\"> & \u{2028}\n")).unwrap();
        assert_eq!(text, r#""\u003ca href=\"x\"\u003e \u0026 \u2028\n""#);
    }

    #[test]
    fn what_is_indented_is_so_by_tabs() {
        let text = indented(&json!({"a": [], "b": [1], "c": null})).unwrap();
        assert_eq!(
            text,
            "{\n\t\"a\": [],\n\t\"b\": [\n\t\t1\n\t],\n\t\"c\": null\n}"
        );
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut(&"é".repeat(300), 499).len(), 498);
        assert_eq!(cut("a", 500), "a");
    }
}
