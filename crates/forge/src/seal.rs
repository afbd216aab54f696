//! What a client keeps for us and cannot change: `<purpose>.<base64url of the content>.<hex HMAC-SHA256>`. The code covers all
//! before it, so what was sealed for one purpose is never taken for another.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::mac;

/// Why a seal does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// We were given no key: nothing can be trusted.
    #[error("the key of seals is empty")]
    NoKey,
    /// It does not look like one.
    #[error("that is nothing we have sealed for this purpose")]
    Malformed,
    /// It was made with another key, or changed.
    #[error("the seal does not fit: it was made with another key, or changed")]
    Mismatch,
}

/// Seals `content`. `purpose` has no dot; the content can be read by whoever holds it. None for an empty key.
#[must_use]
pub fn seal(key: &[u8], purpose: &str, content: &[u8]) -> Option<String> {
    let signed = format!("{purpose}.{}", URL_SAFE_NO_PAD.encode(content));
    let code = mac::sign(key, &[signed.as_bytes()])?;
    Some(format!("{signed}.{}", hex::encode(code)))
}

/// The content of what was sealed for `purpose`. The code is compared in constant time, and before anything inside is looked
/// at. How long `sealed` may be is the caller's to say.
///
/// # Errors
/// [`SealError`]: it is not to be believed.
pub fn open(key: &[u8], purpose: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
    let (signed, code) = sealed.rsplit_once('.').ok_or(SealError::Malformed)?;
    let content = signed
        .strip_prefix(purpose)
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or(SealError::Malformed)?;
    let code = hex::decode(code).map_err(|_| SealError::Malformed)?;
    if !mac::verify(key, &[signed.as_bytes()], &code).ok_or(SealError::NoKey)? {
        return Err(SealError::Mismatch);
    }
    URL_SAFE_NO_PAD
        .decode(content)
        .map_err(|_| SealError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_read_for_its_purpose_with_its_key() {
        let sealed = seal(b"key", "state1", b"content").unwrap();
        assert_eq!(open(b"key", "state1", &sealed).unwrap(), b"content");
        assert_eq!(open(b"other", "state1", &sealed), Err(SealError::Mismatch));
        assert_eq!(open(b"key", "state", &sealed), Err(SealError::Malformed));
        let renamed = sealed.replacen("state1", "state2", 1);
        assert_eq!(open(b"key", "state2", &renamed), Err(SealError::Mismatch));
    }

    #[test]
    fn what_is_no_seal_is_refused_and_an_empty_key_seals_nothing() {
        assert_eq!(seal(b"", "a", b"b"), None);
        let sealed = seal(b"key", "a", b"b").unwrap();
        assert_eq!(open(b"", "a", &sealed), Err(SealError::NoKey));
        for bad in ["", "a", "a.b", "a.Yg.zz", "a.Yg."] {
            assert!(open(b"key", "a", bad).is_err(), "{bad:?}");
        }
    }
}
