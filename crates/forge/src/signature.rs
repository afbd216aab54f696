//! GitHub's signature of a webhook: `X-Hub-Signature-256: sha256=<hex>` over the raw body
//! (<https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>).

use crate::mac;

/// Why a signature does not stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// We were given no secret: nothing can be trusted.
    #[error("the webhook's secret is empty")]
    NoSecret,
    /// The header is not `sha256=` and 64 hex digits.
    #[error("the signature is not written sha256=<64 hex digits>")]
    Malformed,
    /// SHA-1, which GitHub still sends beside the better one.
    #[error("a SHA-1 signature is not enough: send X-Hub-Signature-256")]
    TooWeak,
    /// Another secret, or another body.
    #[error("the signature does not fit the body")]
    Mismatch,
}

/// Checks `header` against the raw `body`, in constant time.
///
/// # Errors
/// [`SignatureError`]: the delivery is not to be believed.
pub fn verify_github(secret: &[u8], body: &[u8], header: &str) -> Result<(), SignatureError> {
    if header.starts_with("sha1=") {
        return Err(SignatureError::TooWeak);
    }
    let digits = header
        .trim()
        .strip_prefix("sha256=")
        .ok_or(SignatureError::Malformed)?;
    let code = hex::decode(digits).map_err(|_| SignatureError::Malformed)?;
    if code.len() != 32 {
        return Err(SignatureError::Malformed);
    }
    match mac::verify(secret, &[body], &code) {
        Some(true) => Ok(()),
        Some(false) => Err(SignatureError::Mismatch),
        None => Err(SignatureError::NoSecret),
    }
}

/// The header that GitHub would send with `body`. Empty for an empty secret, which no verifier takes.
#[must_use]
pub fn sign_github(secret: &[u8], body: &[u8]) -> String {
    mac::sign(secret, &[body])
        .map_or_else(String::new, |code| format!("sha256={}", hex::encode(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"action":"opened","issue":{"url":"https://api.github.com/repos/golang/go/issues/2","number":2},"repository":{"full_name":"golang/go"}}"#;
    const SIGNATURE: &str =
        "sha256=52631e9aa7eee3c27893945a3803334fa2e6ba33a486b1f640d7be01a849ef82";

    #[test]
    fn the_known_delivery_has_the_known_signature() {
        assert_eq!(BODY.len(), 135);
        assert_eq!(sign_github(b"s3cret", BODY), SIGNATURE);
        assert_eq!(verify_github(b"s3cret", BODY, SIGNATURE), Ok(()));
        assert_eq!(
            verify_github(
                b"s3cret",
                BODY,
                &SIGNATURE.to_uppercase().replace("SHA", "sha")
            ),
            Ok(())
        );
    }

    #[test]
    fn another_body_or_secret_is_a_mismatch() {
        assert_eq!(
            verify_github(b"s3cret", b"", SIGNATURE),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify_github(b"other", BODY, SIGNATURE),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn an_empty_secret_believes_nothing_and_signs_nothing() {
        assert_eq!(
            verify_github(b"", BODY, SIGNATURE),
            Err(SignatureError::NoSecret)
        );
        assert_eq!(sign_github(b"", BODY), "");
    }

    #[test]
    fn sha1_is_told_apart_from_nonsense() {
        let sha1 = "sha1=4764ccaada729261e9082e00d4b754475b488894";
        assert_eq!(
            verify_github(b"s3cret", BODY, sha1),
            Err(SignatureError::TooWeak)
        );
        for bad in [
            "",
            "sha256=",
            "sha256=zz",
            "sha256=00",
            &SIGNATURE[7..],
            &format!("{SIGNATURE}00"),
        ] {
            assert_eq!(
                verify_github(b"s3cret", BODY, bad),
                Err(SignatureError::Malformed),
                "{bad}"
            );
        }
    }
}
