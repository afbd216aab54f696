//! Signed tokens of people: `farm1.<base64url of {"sub","exp"}>.<hex HMAC-SHA256>`. The code covers all before it, so a
//! token of another version is never taken for this one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seal::{self, SealError};

const PREFIX: &str = "farm1";
/// Of a subject, in bytes.
const LONGEST_SUBJECT: usize = 200;
/// Of a token, in bytes: longer ones are not even decoded.
const LONGEST: usize = 1024;

/// Who a token speaks for, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The person: `gopher`.
    pub subject: String,
    /// Not to be believed from this moment on.
    pub expires: Timestamp,
}

/// Why there is no token, or why it does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// We were given no key: nothing can be trusted.
    #[error("the key of tokens is empty")]
    NoKey,
    /// The subject is empty, too long, or more than printable ASCII.
    #[error("a token's subject is 1 to {LONGEST_SUBJECT} printable ASCII characters")]
    BadSubject,
    /// It does not look like a token.
    #[error("that is no token of the form farm1.<claims>.<code>")]
    Malformed,
    /// It was signed with another key, or changed.
    #[error("the token's signature does not fit: it was made with another key, or changed")]
    Mismatch,
    /// Its time is over.
    #[error("the token expired at {0}")]
    Expired(Timestamp),
}

impl From<SealError> for TokenError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NoKey => Self::NoKey,
            SealError::Malformed => Self::Malformed,
            SealError::Mismatch => Self::Mismatch,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    sub: String,
    /// Seconds since 1970, UTC.
    exp: i64,
}

/// A token for `subject`, good until `expires` (to the second).
///
/// # Errors
/// An empty key, or a subject that breaks its rule.
pub fn mint(key: &[u8], subject: &str, expires: Timestamp) -> Result<String, TokenError> {
    if !is_subject(subject) {
        return Err(TokenError::BadSubject);
    }
    let claims = Wire {
        sub: subject.to_owned(),
        exp: expires.as_second(),
    };
    let claims = serde_json::to_vec(&claims).map_err(|_| TokenError::BadSubject)?;
    seal::seal(key, PREFIX, &claims).ok_or(TokenError::NoKey)
}

/// Whom `token` speaks for at the moment `now`. The code is compared in constant time, and before anything inside is
/// looked at.
///
/// # Errors
/// [`TokenError`]: it is not to be believed.
pub fn verify(key: &[u8], token: &str, now: Timestamp) -> Result<Claims, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Malformed);
    }
    let claims = seal::open(key, PREFIX, token)?;
    let claims = decode(&claims).ok_or(TokenError::Malformed)?;
    if now >= claims.expires {
        Err(TokenError::Expired(claims.expires))
    } else {
        Ok(claims)
    }
}

fn decode(claims: &[u8]) -> Option<Claims> {
    let wire: Wire = serde_json::from_slice(claims).ok()?;
    let expires = Timestamp::from_second(wire.exp).ok()?;
    is_subject(&wire.sub).then_some(Claims {
        subject: wire.sub,
        expires,
    })
}

fn is_subject(subject: &str) -> bool {
    (1..=LONGEST_SUBJECT).contains(&subject.len())
        && subject.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"key";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_says_who_until_it_expires() {
        let token = mint(KEY, "gopher", at(100)).unwrap();
        let claims = Claims {
            subject: "gopher".to_owned(),
            expires: at(100),
        };
        assert_eq!(verify(KEY, &token, at(99)), Ok(claims));
        assert_eq!(
            verify(KEY, &token, at(100)),
            Err(TokenError::Expired(at(100)))
        );
    }

    #[test]
    fn the_form_does_not_change() {
        assert_eq!(
            mint(KEY, "gopher", at(100)).unwrap(),
            "farm1.eyJzdWIiOiJnb3BoZXIiLCJleHAiOjEwMH0.\
             7d1da073b521d23ec3e2be9cedfba388fadd8e05dde352570057723dc46baeed"
        );
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = mint(KEY, "gopher", at(100)).unwrap();
        let other = mint(KEY, "admin", at(100)).unwrap();
        let claims = |token: &str| token.split('.').nth(1).unwrap().to_owned();
        let swapped = token.replace(&claims(&token), &claims(&other));
        assert_eq!(verify(KEY, &swapped, at(1)), Err(TokenError::Mismatch));
        assert_eq!(verify(b"other", &token, at(1)), Err(TokenError::Mismatch));
        assert_eq!(
            verify(KEY, &token[..token.len() - 2], at(1)),
            Err(TokenError::Mismatch)
        );
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let token = mint(KEY, "gopher", at(100)).unwrap();
        let long = format!("farm1.{}.00", "A".repeat(LONGEST));
        for bad in [
            "",
            "farm1",
            "farm1.x",
            "farm2.e30.00",
            &token.replace("farm1", "farm0"),
            &long,
        ] {
            assert_eq!(verify(KEY, bad, at(1)), Err(TokenError::Malformed), "{bad}");
        }
    }

    #[test]
    fn an_empty_key_neither_signs_nor_believes() {
        let token = mint(KEY, "gopher", at(100)).unwrap();
        assert_eq!(mint(b"", "gopher", at(100)), Err(TokenError::NoKey));
        assert_eq!(verify(b"", &token, at(1)), Err(TokenError::NoKey));
    }

    #[test]
    fn a_subject_is_printable_and_short() {
        for bad in ["", "a\nb", "ä", &"x".repeat(LONGEST_SUBJECT + 1)] {
            assert_eq!(
                mint(KEY, bad, at(100)),
                Err(TokenError::BadSubject),
                "{bad:?}"
            );
        }
        let longest = mint(KEY, &"x".repeat(LONGEST_SUBJECT), at(100)).unwrap();
        assert!(verify(KEY, &longest, at(1)).is_ok());
    }
}
