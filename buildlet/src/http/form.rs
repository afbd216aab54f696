//! Parameters, from queries and form bodies.

use percent_encoding::percent_decode;

/// Parameters in the order they came; values are bytes.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(Vec<u8>, Vec<u8>)>);

impl Form {
    /// Parses `a=b&c=d`. Pairs that cannot be decoded are left out, as in Go.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let pairs = text
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty() && !pair.contains(&b';'));
        Self(pairs.filter_map(pair).collect())
    }

    /// These parameters, then those of `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// The first value, empty if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &[u8] {
        let first = self.0.iter().find(|(key, _)| key == name.as_bytes());
        first.map_or(&[], |(_, value)| value)
    }

    /// All values, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name.as_bytes())
            .map(|(_, value)| value.as_slice())
    }

    /// Go's idea of true.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        matches!(
            self.get(name),
            b"1" | b"t" | b"T" | b"TRUE" | b"true" | b"True"
        )
    }
}

fn pair(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let at = text
        .iter()
        .position(|&byte| byte == b'=')
        .unwrap_or(text.len());
    let value = text.get(at + 1..).unwrap_or_default();
    let spaced = |part: &[u8]| {
        part.iter()
            .map(|&byte| if byte == b'+' { b' ' } else { byte })
            .collect::<Vec<_>>()
    };
    Some((
        decode_bytes(&spaced(&text[..at]))?,
        decode_bytes(&spaced(value))?,
    ))
}

/// Undoes percent-encoding; `None` where a `%` is not followed by two hex digits.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    decode_bytes(text.as_bytes())
}

fn decode_bytes(text: &[u8]) -> Option<Vec<u8>> {
    let escaped = |rest: &[u8]| {
        rest.get(..2)
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    let whole = text.split(|&byte| byte == b'%').skip(1).all(escaped);
    whole.then(|| percent_decode(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_keep_their_order() {
        let form =
            Form::parse(b"cmd=a.sh&cmdArg=x&cmdArg=y+z&path=%24PATH&empty=&bare&bad=%zz&debug=T");
        assert_eq!(form.get("cmd"), b"a.sh");
        assert_eq!(form.all("cmdArg").collect::<Vec<_>>(), [&b"x"[..], b"y z"]);
        assert_eq!(form.get("path"), b"$PATH");
        assert_eq!(
            (form.get("empty"), form.get("bare"), form.get("bad")),
            (&b""[..], &b""[..], &b""[..])
        );
        assert!(form.flag("debug") && !form.flag("cmd"));
        assert_eq!(form.all("bare").count(), 1);
        assert_eq!(Form::parse(b"a=1").and(&Form::parse(b"a=2")).get("a"), b"1");
    }
}
