//! The client's errors, sorted.

use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::Code;

/// Whether the server was away, or too busy, rather than unwilling.
pub(super) fn is_passing(error: &Error) -> bool {
    let unwilling = error.status().is_some_and(|status| !passes(status.code));
    let away = error.is_io()
        || error.is_connect()
        || error.is_timeout()
        || error.is_transport()
        || error.is_exhausted();
    !unwilling && (away || error.status().is_some() || is_busy(error.http_status_code()))
}

fn passes(code: Code) -> bool {
    matches!(
        code,
        Code::Aborted
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Internal
            | Code::ResourceExhausted
            | Code::Unavailable
            | Code::Unknown
    )
}

fn is_busy(http: Option<u16>) -> bool {
    matches!(http, Some(408 | 429 | 500..=599))
}

/// Whether the error is about the message itself: no later try can go better.
pub(super) fn is_the_messages(error: &Error) -> bool {
    let code = error.status().map(|status| status.code);
    matches!(code, Some(Code::InvalidArgument | Code::OutOfRange))
}

pub(super) fn is(error: &Error, code: Code, http: u16) -> bool {
    error.status().map(|status| status.code) == Some(code) || error.http_status_code() == Some(http)
}
