use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;

/// The modulus of a key that OpenSSL made, and a token that it signed with it.
const MODULUS: &str = "oHiPrfii3WDYWoYDlF1zrVRUnhXIOHT8cfSreaZtBGEJa8lhS2v9LLNkdBdL2DwAciBovAvAsi4bWlrqe3zWjQ3RcyvKKnPMjRHA\
     J7zGm1XsMOxVIYL7HSmV3sbReW1cjdYd6bz00AnwzFcg0vXXXvpodYy_FvVGc3wMhfzDocK9BcJNBJNFv4MrFpfJv5UsgZWRkJhZ\
     j1WEMISMpHzBN9dgFBflmq2qN6mC5fczUG-\
     t6Y0OgybAgFDhO97K_MlwNjmB3Dlxh_0QLlzEwZwVD3y23IL9lxO3s0snz5adHLmznJmZWBmGKrBzSCsbT8SOnN0VHiVX0HFYwQu\
     g8YPOOQ";
const SIGNED: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJzdWIiOiI3IiwiYXVkIjpbImZhc\
     m0iLCJvdGhlciJdLCJhenAiOiJmYXJtIiwiZXhwIjoyMDAwMDAwMDAwLCJpYXQiOjE1MDAwMDAwMDAsIm5vbmNlIjoibiJ9.En6R\
     -MFpwYXh_vtiXdhD762Y69ZxwyJKyMmV4FkxndjE93qSBHXgyao5NvUv7TSKcqvltHFAfNajr8h2Ot_D3PGDb9FZTD4fpsfm4l2R\
     7NAwcYTnpMfuiX57oOjI9xmCH06r365E51DmyeCMftqqETVpwhNFhijRS5DxSmjEGeRF2WoKuWOyE-tv2pkd5s_z7G8D4g6wtdSE\
     juxniJym51MKQ99MlsyIRzCFdGrzzXryzCpKP89dAjA6L1uZY81g4hYF0SfSsXErONBGlxGfMAV4uiQDZn93NLDrrUI4dx1sz8IH\
     4le7YqRJIX52iGJCRWeerqujs4HRDYTYCCvjPQ";

fn wanted<'a>() -> Wanted<'a> {
    Wanted {
        issuer: "https://id.example",
        client: "farm",
        nonce: "n",
        now: Timestamp::from_second(1_600_000_000).unwrap(),
    }
}

fn keys(keys: Value) -> Keys {
    serde_json::from_value(json!({ "keys": keys })).unwrap()
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A provider with a key on the curve P-256.
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap())
    }

    fn keys(&self) -> Keys {
        let point = self.0.public_key().as_ref();
        let part = |range| URL_SAFE_NO_PAD.encode(&point[range]);
        keys(json!([
            { "kty": "oct", "kid": "e", "k": "AAAA" },
            { "kty": "EC", "kid": "e", "use": "sig", "crv": "P-256", "x": part(1..33), "y": part(33..65) },
        ]))
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self
            .0
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn claims() -> Value {
    json!({
        "iss": "https://id.example", "sub": "7", "aud": "farm", "exp": 1_600_000_300, "iat": 1_600_000_000,
        "nonce": "n", "email": "ann@example.com", "email_verified": true,
    })
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "e" })
}

#[test]
fn what_openssl_signed_is_believed() {
    let rsa = json!([{ "kty": "RSA", "kid": "r", "n": MODULUS, "e": "AQAB" }]);
    let read = super::read(SIGNED, &keys(rsa.clone()), &wanted()).unwrap();
    assert_eq!(read.subject(), "7");
    let later = Wanted {
        now: Timestamp::from_second(2_000_000_061).unwrap(),
        ..wanted()
    };
    let error = super::read(SIGNED, &keys(rsa), &later).unwrap_err();
    assert_eq!(error, JwtError::Claim("end"));
}

#[test]
fn a_token_on_the_curve_says_who_that_is() {
    let signer = Signer::new();
    let token = signer.sign(&header(), &claims());
    let read = super::read(&token, &signer.keys(), &wanted()).unwrap();
    assert_eq!(read.subject(), "ann@example.com");
    let other = Signer::new();
    let error = super::read(&token, &other.keys(), &wanted()).unwrap_err();
    assert_eq!(error, JwtError::Mismatch);
    let none = super::read(&token, &keys(json!([])), &wanted()).unwrap_err();
    assert_eq!(none, JwtError::UnknownKey);
}

#[test]
fn what_is_signed_in_another_way_or_not_at_all_is_not_believed() {
    let signer = Signer::new();
    for alg in ["none", "HS256", "RS256", "es256"] {
        let token = signer.sign(&json!({ "alg": alg, "kid": "e" }), &claims());
        assert!(
            super::read(&token, &signer.keys(), &wanted()).is_err(),
            "{alg}"
        );
    }
    let crit = json!({ "alg": "ES256", "kid": "e", "crit": ["exp"] });
    for token in [
        signer.sign(&crit, &claims()),
        format!("{}.{}.", encode(&header()), encode(&claims())),
        "a.b.c".to_owned(),
        String::new(),
    ] {
        assert!(
            super::read(&token, &signer.keys(), &wanted()).is_err(),
            "{token}"
        );
    }
}

#[test]
fn a_claim_that_does_not_fit_is_named() {
    let signer = Signer::new();
    for (name, value, claim) in [
        ("iss", json!("https://other.example"), "issuer"),
        ("aud", json!(["other"]), "audience"),
        ("aud", json!(["farm", "other"]), "authorized party"),
        ("azp", json!("other"), "authorized party"),
        ("exp", json!(1_599_999_900), "end"),
        ("iat", json!(1_600_000_100), "beginning"),
        ("nonce", json!("other"), "nonce"),
        ("sub", json!(""), "subject"),
    ] {
        let mut claims = claims();
        claims[name] = value;
        let token = signer.sign(&header(), &claims);
        let error = super::read(&token, &signer.keys(), &wanted()).unwrap_err();
        assert_eq!(error, JwtError::Claim(claim), "{name}");
    }
}
