//! Why there is no usable answer, sorted by whether to ask again.

use std::error::Error;

use reqwest::Url;

/// No usable answer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Asking again may help: nobody there, a connection lost, a server in trouble.
    #[error("{0}")]
    Again(String),
    /// It will not.
    #[error("{0}")]
    Never(String),
}

impl ServerError {
    /// From a request to `base` that was not answered, or not to its end.
    pub(super) fn of_request(base: &Url, error: &reqwest::Error) -> Self {
        if error.is_builder() || error.is_redirect() {
            return Self::Never(format!("cannot ask {base}: {}", cause(error)));
        }
        if error.is_timeout() {
            return Self::Again(format!("{base} does not answer in time"));
        }
        let text = if error.is_connect() {
            let hint = "is `farm up` running? --server chooses another";
            format!("cannot reach the farm at {base} ({}): {hint}", cause(error))
        } else {
            format!("the connection to {base} broke: {}", cause(error))
        };
        Self::Again(text)
    }
}

/// The innermost error: the outer ones only repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
