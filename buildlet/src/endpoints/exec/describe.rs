//! The line of `debug=true` (`buildlet.md` 5.3).

use super::resolve::Command;
use crate::environment::Variable;

/// `:: Running <path> with args […] and env […] in dir <dir>` and an empty line.
pub(super) fn line(command: &Command, args: &[&[u8]], env: &[Variable]) -> Vec<u8> {
    let name = command.name.as_encoded_bytes();
    let path = command
        .path
        .as_ref()
        .map_or(name, |path| path.as_os_str().as_encoded_bytes());
    let args = list(std::iter::once(name).chain(args.iter().copied()));
    let env: Vec<Vec<u8>> = env
        .iter()
        .map(|(name, value)| [name.as_encoded_bytes(), b"=", value.as_encoded_bytes()].concat())
        .collect();
    let env = list(env.iter().map(Vec::as_slice));
    let dir = command.dir.as_os_str().as_encoded_bytes();
    [
        b":: Running ",
        path,
        b" with args ",
        &args,
        b" and env ",
        &env,
        b" in dir ",
        dir,
        b"\n\n",
    ]
    .concat()
}

fn list<'a>(items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let quoted: Vec<String> = items.map(quote).collect();
    format!("[{}]", quoted.join(" ")).into_bytes()
}

/// As Go's `%q`.
fn quote(bytes: &[u8]) -> String {
    let mut out = String::from('"');
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| out.push_str(&escape(c)));
        chunk
            .invalid()
            .iter()
            .for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

fn escape(c: char) -> String {
    match c {
        '"' | '\\' => format!("\\{c}"),
        '\u{7}' => "\\a".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{b}' => "\\v".to_owned(),
        c if c.is_ascii_control() => format!("\\x{:02x}", c as u32),
        c if c.is_control() => format!("\\u{:04x}", c as u32),
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_quoted_as_go_does() {
        assert_eq!(
            quote(b"a\"b\\c\n\x01\xff\xc3\xbc"),
            "\"a\\\"b\\\\c\\n\\x01\\xff\u{fc}\""
        );
        assert_eq!(list([&b"a"[..], b""].into_iter()), b"[\"a\" \"\"]");
    }
}
