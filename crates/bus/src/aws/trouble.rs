//! The clients' errors, sorted.

use std::error::Error;
use std::fmt;

use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server was away, or too busy.
    Passing(String),
    /// What was asked for is not there.
    Missing(String),
    /// It was unwilling.
    Refused {
        /// Its word for why.
        code: String,
        /// Its words.
        text: String,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passing(text) | Self::Missing(text) | Self::Refused { text, .. } => {
                f.write_str(text)
            }
        }
    }
}

impl Trouble {
    /// It was not about the right, the place or the time, but about what was said.
    pub(super) fn is_the_messages(&self) -> bool {
        const WORDS: [&str; 3] = ["Invalid", "Validation", "BatchRequestTooLong"];
        match self {
            Self::Refused { code, .. } => WORDS.iter().any(|word| code.starts_with(word)),
            _ => false,
        }
    }

    /// We may not even ask.
    pub(super) fn is_denied(&self) -> bool {
        const WORDS: [&str; 2] = ["AccessDenied", "AuthorizationError"];
        matches!(self, Self::Refused { code, .. } if WORDS.iter().any(|word| code.starts_with(word)))
    }
}

/// `error`, sorted by its code and status
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html>).
pub(super) fn sorted<E>(error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let text = text(error);
    let Some(answer) = error
        .raw_response()
        .filter(|_| error.as_service_error().is_some())
    else {
        return Trouble::Passing(text);
    };
    let code = error.code().unwrap_or_default();
    let status = answer.status().as_u16();
    if is_missing(code) {
        Trouble::Missing(text)
    } else if matches!(status, 408 | 429 | 500..=599) || is_busy(code) {
        Trouble::Passing(text)
    } else {
        Trouble::Refused {
            code: code.to_owned(),
            text,
        }
    }
}

fn is_missing(code: &str) -> bool {
    const CODES: [&str; 5] = [
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NotFound",
        "NotFoundException",
        "ResourceNotFoundException",
    ];
    CODES.contains(&code)
}

fn is_busy(code: &str) -> bool {
    const WORDS: [&str; 5] = [
        "Throttl",
        "RequestThrottled",
        "OverLimit",
        "InternalError",
        "QueueDeletedRecently",
    ];
    let code = code.trim_start_matches("AWS.SimpleQueueService.");
    WORDS.iter().any(|word| code.starts_with(word)) || code.ends_with("Throttled")
}

/// The service's own words, or the whole chain of what went wrong before them. Never its debugging form: that has requests.
fn text<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return format!("{code}: {message}");
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
