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
    /// It was not about us, the place or the time, but about what was said.
    pub(super) fn is_the_messages(&self) -> bool {
        matches!(self, Self::Refused { code, text } if is_about_a_message(code, text))
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

/// Whether no later try can go better. A code alone does not say so: `InvalidParameter` may be a topic of another account,
/// and `InvalidClientTokenId` are credentials, which somebody can mend. An event must not be given up for that.
pub(super) fn is_about_a_message(code: &str, text: &str) -> bool {
    match code.trim_start_matches("AWS.SimpleQueueService.") {
        "InvalidMessageContents" | "BatchRequestTooLong" => true,
        code => code.starts_with("InvalidParameter") && text.contains("essage"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, text: &str) -> Trouble {
        Trouble::Refused {
            code: code.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn codes_say_what_to_do() {
        assert!(is_missing("AWS.SimpleQueueService.NonExistentQueue"));
        for busy in [
            "RequestThrottled",
            "ThrottlingException",
            "KMSThrottled",
            "InternalError",
        ] {
            assert!(is_busy(busy), "{busy}");
        }
        assert!(!is_busy("InvalidParameterValue"));
    }

    #[test]
    fn only_what_nobody_can_mend_is_the_messages() {
        let ours = [
            ("InvalidMessageContents", ""),
            ("AWS.SimpleQueueService.BatchRequestTooLong", ""),
            ("InvalidParameter", "Invalid parameter: Message too long"),
            (
                "InvalidParameterValue",
                "Message must be shorter than 262144 bytes",
            ),
        ];
        for (code, text) in ours {
            assert!(refused(code, text).is_the_messages(), "{code}");
        }
        let mendable = [
            ("InvalidParameter", "Invalid parameter: TopicArn"),
            ("InvalidClientTokenId", "The security token is invalid"),
            ("InvalidSecurity", "the message was not sent over TLS"),
            ("AuthorizationError", "not authorized to publish messages"),
        ];
        for (code, text) in mendable {
            assert!(!refused(code, text).is_the_messages(), "{code}");
        }
        assert!(refused("AccessDeniedException", "").is_denied());
        assert!(!Trouble::Passing(String::new()).is_the_messages());
    }
}
