//! What a browser keeps between going and coming back: sealed, so that it can be read there but not made up.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farm_forge::seal;
use farm_model::Timestamp;
use farm_runtime::Ids;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::session::Cookie;
use crate::site::Site;

/// What flows are sealed for.
const PURPOSE: &str = "oidc1";
const COOKIE: Cookie = Cookie {
    name: "farm-signing-in",
    path: "/sign-in",
};
/// How long a person may take at the provider.
const LASTS: SignedDuration = SignedDuration::from_mins(10);
/// Of a cookie, in bytes: longer ones are not even decoded.
const LONGEST: usize = 4096;
/// Of the way back, in bytes: a longer one is forgotten.
const LONGEST_BACK: usize = 1500;

/// A sign-in under way.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Flow {
    /// Comes back in the address: the answer is to our question.
    pub(super) state: String,
    /// Comes back in what the provider signs: that is about this sign-in.
    pub(super) nonce: String,
    /// Of which the provider knows the digest: who brings the code is who asked for it.
    pub(super) verifier: String,
    pub(super) back: String,
    until: Timestamp,
}

impl Flow {
    pub(super) fn new(back: &str, ids: &Ids, now: Timestamp) -> Self {
        let back = if back.len() > LONGEST_BACK { "/" } else { back };
        Self {
            state: ids.hex(16),
            nonce: ids.hex(16),
            verifier: ids.hex(32),
            back: back.to_owned(),
            until: now.checked_add(LASTS).unwrap_or(now),
        }
    }

    /// What the provider is told of the verifier.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    /// The value of `Set-Cookie` that keeps it.
    pub(super) fn cookie(&self, key: &str, site: &Site) -> Option<String> {
        let content = serde_json::to_vec(self).ok()?;
        let sealed = seal::seal(key.as_bytes(), PURPOSE, &content)?;
        Some(COOKIE.set(&sealed, LASTS.as_secs(), site))
    }

    /// The one that this browser kept, if it is ours and not too old.
    pub(super) fn read(
        key: &str,
        headers: &HeaderMap,
        site: &Site,
        now: Timestamp,
    ) -> Option<Self> {
        let sealed = COOKIE.read(headers, site)?;
        if sealed.len() > LONGEST {
            return None;
        }
        let content = seal::open(key.as_bytes(), PURPOSE, sealed).ok()?;
        let flow: Self = serde_json::from_slice(&content).ok()?;
        (now < flow.until).then_some(flow)
    }

    pub(super) fn forget(site: &Site) -> String {
        COOKIE.clear(site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        let flow = Flow {
            // RFC 7636, appendix B.
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned(),
            ..Flow::new("/", &Ids::system(), Timestamp::UNIX_EPOCH)
        };
        assert_eq!(
            flow.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
