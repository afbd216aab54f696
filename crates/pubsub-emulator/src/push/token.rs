//! The token that goes with a push whose subscription asks for one: an OpenID Connect JWT with the
//! claims of the service's, so that a receiver's check of it can be tested for real.
//!
//! Reference: <https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions>. Signed with
//! ES256 by a key that lives as long as the process; the service signs with RS256. Receivers find
//! the key at [`CERTS`] by its `kid`, as they find Google's.

use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::clock::Moment;

/// Where the public key is served, as at `www.googleapis.com`.
pub(crate) const CERTS: &str = "/oauth2/v3/certs";

const ISSUER: &str = "https://accounts.google.com";
/// A token is good for so long.
const LIFE: Duration = Duration::from_secs(3600);
/// A token is sent again for so long, and then another is made.
const REUSE: Duration = Duration::from_secs(600);

/// Whom a token is of, and for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The service account's address.
    pub email: String,
    pub audience: String,
}

/// Signs tokens. The key is made when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Signer(OnceLock<Result<Key, TokenError>>);

/// There is no token to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes to make or use a signing key with")]
pub(crate) struct TokenError;

#[derive(Debug)]
struct Key {
    pair: EcdsaKeyPair,
    /// Of the public key, in base64.
    x: String,
    y: String,
    /// RFC 7638: a digest of the public key.
    id: String,
}

impl From<ring::error::Unspecified> for TokenError {
    fn from(_: ring::error::Unspecified) -> Self {
        Self
    }
}

impl Key {
    fn new() -> Result<Self, TokenError> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random)?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random)
            .map_err(|_| TokenError)?;
        // An uncompressed point: one byte that says so, then both coordinates.
        let public = pair.public_key().as_ref();
        let (x, y) = public.get(1..).ok_or(TokenError)?.split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        Ok(Self { pair, x, y, id })
    }
}

impl Signer {
    fn key(&self) -> Result<&Key, TokenError> {
        self.0
            .get_or_init(Key::new)
            .as_ref()
            .map_err(|error| *error)
    }

    /// The public key as a JSON Web Key Set, RFC 7517.
    pub fn certs(&self) -> Result<Value, TokenError> {
        let Key { x, y, id, .. } = self.key()?;
        Ok(json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id, "x": x, "y": y,
        }] }))
    }

    fn token(&self, identity: &Identity, now: Moment) -> Result<String, TokenError> {
        let key = self.key()?;
        let header = json!({ "alg": "ES256", "kid": key.id, "typ": "JWT" });
        let claims = claims(identity, now);
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = key.pair.sign(&SystemRandom::new(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn claims(identity: &Identity, now: Moment) -> Value {
    let seconds = |moment: Moment| moment.as_micros() / 1_000_000;
    let subject = subject(&identity.email);
    json!({
        "aud": identity.audience,
        "azp": subject,
        "email": identity.email,
        "email_verified": true,
        "exp": seconds(now + LIFE),
        "iat": seconds(now),
        "iss": ISSUER,
        "sub": subject,
    })
}

/// The number of a service account: 21 digits, always the same for one address.
fn subject(email: &str) -> String {
    const FIRST: u128 = 100_000_000_000_000_000_000;
    let digest = digest(&SHA256, email.as_bytes());
    let bytes = digest.as_ref().iter().take(16);
    let number = bytes.fold(0u128, |number, byte| number << 8 | u128::from(*byte));
    (FIRST + number % FIRST).to_string()
}

/// The tokens of one push subscription, each used for a while.
#[derive(Debug)]
pub(super) struct Tokens {
    identity: Identity,
    last: Mutex<Option<(Moment, String)>>,
}

impl Tokens {
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            last: Mutex::new(None),
        }
    }

    /// A token that is good at `now`.
    pub fn current(&self, signer: &Signer, now: Moment) -> Result<String, TokenError> {
        let mut last = self.last.lock();
        if let Some((made, token)) = &*last
            && now.since(*made) < REUSE
        {
            return Ok(token.clone());
        }
        let token = signer.token(&self.identity, now)?;
        *last = Some((now, token.clone()));
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    fn identity() -> Identity {
        Identity {
            email: "push@p.iam.gserviceaccount.com".to_owned(),
            audience: "https://example.com".to_owned(),
        }
    }

    fn decoded(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_token_has_the_documented_claims_and_a_good_signature() {
        let signer = Signer::default();
        let now = Moment::from_micros(1_550_182_335_000_000);
        let token = signer.token(&identity(), now).unwrap();
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("{token}");
        };
        let certs = signer.certs().unwrap();
        let key = &certs["keys"][0];
        assert_eq!(decoded(header)["kid"], key["kid"]);
        let mut claims = decoded(claims);
        let subject = claims["sub"].as_str().unwrap().to_owned();
        assert_eq!((subject.len(), &claims["azp"]), (21, &claims["sub"]));
        for made_up in ["sub", "azp"] {
            claims.as_object_mut().unwrap().remove(made_up);
        }
        assert_eq!(
            claims,
            json!({
                "aud": "https://example.com",
                "email": "push@p.iam.gserviceaccount.com",
                "email_verified": true,
                "exp": 1_550_185_935,
                "iat": 1_550_182_335,
                "iss": "https://accounts.google.com",
            })
        );
        let coordinate = |name| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let (signed, _) = token.rsplit_once('.').unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(
                signed.as_bytes(),
                &URL_SAFE_NO_PAD.decode(signature).unwrap(),
            )
            .unwrap();
    }

    #[test]
    fn a_token_is_used_for_a_while() {
        let (signer, tokens) = (Signer::default(), Tokens::new(identity()));
        let at = |seconds: u64| Moment::from_micros(seconds * 1_000_000);
        let first = tokens.current(&signer, at(1000)).unwrap();
        assert_eq!(tokens.current(&signer, at(1599)).unwrap(), first);
        assert_ne!(tokens.current(&signer, at(1600)).unwrap(), first);
    }
}
