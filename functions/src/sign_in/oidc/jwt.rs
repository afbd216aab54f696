//! What a provider signs: an ID token, checked with its keys (RFC 7515, 7517, 7518; OpenID Connect Core 1.0, 3.1.3.7).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farm_model::Timestamp;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Deserializer};

/// Of a token, in bytes: longer ones are not even decoded.
const LONGEST: usize = 64 << 10;
/// By how many seconds clocks may differ.
const LEEWAY: i64 = 60;
/// Of a subject, in bytes, as sessions have it.
const SUBJECT: usize = 200;

/// The keys of a provider.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Keys {
    keys: Vec<Key>,
}

/// One; of kinds that we do not know, only the kind.
#[derive(Debug, Clone, Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    r#use: Option<String>,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// What we would have to understand (RFC 7515, 4.1.11): nothing of that.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// What is said of somebody.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    #[serde(deserialize_with = "one_or_many")]
    aud: Vec<String>,
    #[serde(default)]
    azp: Option<String>,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nonce: String,
    #[serde(default)]
    email: Option<String>,
    /// Some providers write it as text.
    #[serde(default)]
    email_verified: serde_json::Value,
    #[serde(default)]
    pub(super) groups: Vec<String>,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum JwtError {
    /// It does not look like one.
    #[error("that is no token of a provider")]
    Malformed,
    /// It is signed in a way that is not ours to check.
    #[error("the token is signed with {0}: RS256 and ES256 are known")]
    Algorithm(String),
    /// None of the provider's keys is the one.
    #[error("the token is signed with a key that the provider does not list")]
    UnknownKey,
    /// Not by that key.
    #[error("the token's signature does not fit")]
    Mismatch,
    /// It is not for us, of somebody else, or of another time.
    #[error("the token's {0} does not fit")]
    Claim(&'static str),
}

/// What must be in a token.
pub(super) struct Wanted<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// What `token` says, if one of `keys` signed it and it is what was wanted.
///
/// # Errors
/// [`JwtError`]: nothing in it is to be believed.
pub(super) fn read(token: &str, keys: &Keys, wanted: &Wanted<'_>) -> Result<Claims, JwtError> {
    if token.len() > LONGEST {
        return Err(JwtError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
    let header: Header = part(header)?;
    if header.crit.is_some() {
        return Err(JwtError::Malformed);
    }
    let signature = bytes(signature)?;
    keys.verify(&header, signed.as_bytes(), &signature)?;
    let claims: Claims = part(claims)?;
    claims.check(wanted)?;
    Ok(claims)
}

impl Keys {
    fn verify(&self, header: &Header, signed: &[u8], signature: &[u8]) -> Result<(), JwtError> {
        let kind = match header.alg.as_str() {
            "RS256" => "RSA",
            "ES256" => "EC",
            other => return Err(JwtError::Algorithm(other.chars().take(20).collect())),
        };
        let fits = |key: &&Key| {
            let signs = key.r#use.as_deref().is_none_or(|purpose| purpose == "sig");
            key.kty == kind && signs && (header.kid.is_none() || key.kid == header.kid)
        };
        let mut fitting = self.keys.iter().filter(fits).peekable();
        if fitting.peek().is_none() {
            return Err(JwtError::UnknownKey);
        }
        match fitting.any(|key| key.verify(signed, signature).is_some()) {
            true => Ok(()),
            false => Err(JwtError::Mismatch),
        }
    }
}

impl Key {
    fn verify(&self, signed: &[u8], signature: &[u8]) -> Option<()> {
        let part = |text: &str| bytes(text).ok();
        if self.kty == "RSA" {
            let key = RsaPublicKeyComponents {
                n: part(&self.n)?,
                e: part(&self.e)?,
            };
            return key
                .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
                .ok();
        }
        let (x, y) = (part(&self.x)?, part(&self.y)?);
        if self.crv != "P-256" || x.len() != 32 || y.len() != 32 {
            return None;
        }
        let point = [&[4], x.as_slice(), y.as_slice()].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(signed, signature).ok()
    }
}

impl Claims {
    fn check(&self, wanted: &Wanted<'_>) -> Result<(), JwtError> {
        let now = wanted.now.as_second();
        let client = wanted.client;
        let party = match &self.azp {
            Some(party) => party == client,
            None => self.aud.len() == 1,
        };
        let checks = [
            ("issuer", self.iss == wanted.issuer),
            ("audience", self.aud.iter().any(|to| to == client)),
            ("authorized party", party),
            ("end", now < self.exp.saturating_add(LEEWAY)),
            ("beginning", self.iat <= now + LEEWAY),
            (
                "nonce",
                !wanted.nonce.is_empty() && self.nonce == wanted.nonce,
            ),
            ("subject", !self.sub.is_empty()),
        ];
        match checks.into_iter().find(|(_, fits)| !fits) {
            Some((claim, _)) => Err(JwtError::Claim(claim)),
            None => Ok(()),
        }
    }

    /// The address, where the provider has checked that it is theirs.
    pub(super) fn address(&self) -> Option<&str> {
        let checked = self.email_verified == true || self.email_verified == "true";
        self.email.as_deref().filter(|_| checked)
    }

    /// Whom the session is of: the address, or else how the provider calls them.
    pub(super) fn subject(&self) -> String {
        let subject = self.address().unwrap_or(&self.sub);
        let plain = |c: char| if c.is_ascii_graphic() { c } else { '-' };
        subject.chars().take(SUBJECT).map(plain).collect()
    }
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, JwtError> {
    serde_json::from_slice(&bytes(text)?).map_err(|_| JwtError::Malformed)
}

fn bytes(text: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JwtError::Malformed)
}

fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(from)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}

#[cfg(test)]
mod tests;
