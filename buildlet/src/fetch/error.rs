//! Why something was not fetched. No text holds a URL: those may carry secrets.

use std::io;

use ureq::Timeout;
use ureq::http::StatusCode;

/// Why something was not fetched.
#[derive(Debug)]
pub enum FetchError {
    /// No absolute `http` or `https` URL.
    BadUrl,
    /// Nobody wants it any more.
    Cancelled,
    /// Another status than 200.
    Status(StatusCode),
    /// A limit was reached, named as for people.
    TooSlow(&'static str),
    /// What cannot heal: redirects without end, a certificate that is not believed.
    Lasting(String),
    /// What may heal.
    Passing(String),
}

impl FetchError {
    /// Whether to try again.
    #[must_use]
    pub fn may_heal(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error(),
            Self::TooSlow(_) | Self::Passing(_) => true,
            Self::BadUrl | Self::Cancelled | Self::Lasting(_) => false,
        }
    }

    /// A body that broke off.
    pub(super) fn body(error: io::Error) -> Self {
        ureq::Error::from(error).into()
    }
}

impl std::error::Error for FetchError {}

impl std::fmt::Display for FetchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadUrl => f.write_str("it is no http:// or https:// URL"),
            Self::Cancelled => f.write_str("no longer wanted"),
            Self::Status(status) => {
                let reason = status.canonical_reason().unwrap_or_default();
                f.write_str(format!("{} {reason}", status.as_str()).trim_end())
            }
            Self::TooSlow(what) => write!(f, "{what} took too long"),
            Self::Lasting(text) | Self::Passing(text) => f.write_str(text),
        }
    }
}

impl From<ureq::Error> for FetchError {
    fn from(error: ureq::Error) -> Self {
        use ureq::Error;
        match error {
            Error::BadUri(_) => Self::BadUrl,
            Error::StatusCode(status) => StatusCode::from_u16(status)
                .map_or_else(|_| Self::Lasting(status.to_string()), Self::Status),
            Error::Timeout(limit) => Self::TooSlow(what(limit)),
            Error::TooManyRedirects => Self::Lasting("more than 10 redirects".to_owned()),
            Error::Rustls(error) => Self::Lasting(error.to_string()),
            // A handshake's failure arrives wrapped.
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Lasting(error.to_string())
            }
            Error::RedirectFailed => Self::Lasting("a redirect leads nowhere".to_owned()),
            error => Self::Passing(error.to_string()),
        }
    }
}

fn what(limit: Timeout) -> &'static str {
    match limit {
        Timeout::Resolve => "looking up the name",
        Timeout::Connect => "connecting",
        Timeout::RecvResponse => "the answer",
        Timeout::PerRead => "the next piece",
        Timeout::RecvBody => "the whole of it",
        _ => "it",
    }
}
