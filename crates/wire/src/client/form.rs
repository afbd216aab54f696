//! Form bodies and query strings, keys in the order they are added (clients of 2019: alphabetic).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::body::Body;

/// As Go's `url.QueryEscape`, except that a space becomes `%20`.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// `a=b&c=d`, encoded.
#[derive(Debug, Default)]
pub(super) struct Form(String);

impl Form {
    pub fn with(mut self, key: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(key);
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, PLAIN));
        self
    }

    pub fn with_all(self, key: &str, values: &[String]) -> Self {
        values
            .iter()
            .fold(self, |form, value| form.with(key, value))
    }

    pub fn into_body(self) -> Body {
        Body::form(self.0)
    }

    /// As the query of a path.
    pub fn after(&self, path: &str) -> String {
        format!("{path}?{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_as_the_worked_exchange_has_it() {
        let path = ["$WORKDIR/go/bin".to_owned(), "$PATH".to_owned()];
        let form = Form::default()
            .with("cmd", "a.sh")
            .with("env", "FOO=bar")
            .with_all("path", &path);
        assert_eq!(
            form.after("/exec"),
            "/exec?cmd=a.sh&env=FOO%3Dbar&path=%24WORKDIR%2Fgo%2Fbin&path=%24PATH"
        );
    }
}
