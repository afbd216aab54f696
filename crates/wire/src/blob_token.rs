//! What a machine shows to fetch one blob through the hub, where it cannot reach the bucket (design 3).
//!
//! A token is `fb1.<holder>.<expiry>.<mac>`: the holder (a machine's name, or `hub`) percent-encoded, the expiry in Unix
//! seconds, the mac HMAC-SHA256 in hex over all that stands before it and the blob's digest. The key of the mac is
//! derived from the master key for this purpose alone, so that neither can stand in for a machine's key.

use percent_encoding::utf8_percent_encode;

use crate::keys::{MasterKey, PLAIN, mac_sha256, names, same};

const SCHEME: &str = "fb1";
const PURPOSE: &str = "blob tokens";

/// Why a token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobTokenError {
    /// It has not the form of a token.
    #[error("not a blob token")]
    Malformed,
    /// Its mac is not ours, or is for another blob.
    #[error("forged, for another blob, or made with another master key")]
    Forged,
    /// Its time is over.
    #[error("expired at {at} (Unix seconds)")]
    Expired {
        /// Unix seconds.
        at: i64,
    },
}

/// Makes a token for the blob with the digest `sha256` (hex), for `holder` to use before `expires` (Unix seconds). It
/// needs no encoding in a query.
#[must_use]
pub fn mint(master: &MasterKey, sha256: &str, holder: &str, expires: i64) -> String {
    let claim = format!("{SCHEME}.{}.{expires}", utf8_percent_encode(holder, PLAIN));
    let mac = mac(master, &claim, sha256);
    // Of the encoded holder's `%`, so that a query holds it as it is.
    format!("{}.{mac}", claim.replace('%', "~"))
}

/// Checks a token for the blob with the digest `sha256` at `now` (Unix seconds); who holds it.
///
/// # Errors
/// [`BlobTokenError`]; nothing of a forged token is looked at.
pub fn verify(
    master: &MasterKey,
    token: &str,
    sha256: &str,
    now: i64,
) -> Result<String, BlobTokenError> {
    let (claim, presented) = token.rsplit_once('.').ok_or(BlobTokenError::Malformed)?;
    let claim = claim.replace('~', "%");
    let fields: Vec<&str> = claim.split('.').collect();
    let &[SCHEME, holder, expires] = fields.as_slice() else {
        return Err(BlobTokenError::Malformed);
    };
    if !same(mac(master, &claim, sha256).as_bytes(), presented.as_bytes()) {
        return Err(BlobTokenError::Forged);
    }
    let at: i64 = expires.parse().map_err(|_| BlobTokenError::Malformed)?;
    if now >= at {
        return Err(BlobTokenError::Expired { at });
    }
    names(holder).ok_or(BlobTokenError::Malformed)
}

fn mac(master: &MasterKey, claim: &str, sha256: &str) -> String {
    hex::encode(mac_sha256(
        &master.key_for(PURPOSE),
        &format!("{claim}.{sha256}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    fn master() -> MasterKey {
        MasterKey::new(b"gophers rule").unwrap()
    }

    fn blob(digit: &str) -> String {
        digit.repeat(64)
    }

    #[test]
    fn a_token_is_good_for_its_blob_until_it_expires() {
        let token = mint(&master(), &blob("a"), "pi.attic", 100);
        let check = |blob: &str, now| verify(&master(), &token, blob, now);
        assert_eq!(check(&blob("a"), 99), Ok("pi.attic".to_owned()));
        assert_eq!(
            check(&blob("a"), 100),
            Err(BlobTokenError::Expired { at: 100 })
        );
        assert_eq!(check(&blob("b"), 99), Err(BlobTokenError::Forged));
        let other = MasterKey::new(b"other").unwrap();
        assert_eq!(
            verify(&other, &token, &blob("a"), 99),
            Err(BlobTokenError::Forged)
        );
    }

    #[test]
    fn a_changed_token_is_forged_and_what_is_no_token_is_said_to_be_none() {
        let token = mint(&master(), &blob("a"), "pi", 100);
        for (from, to) in [(".100.", ".999."), (".pi.", ".po."), (".100.", ".0100.")] {
            let changed = token.replace(from, to);
            assert_ne!(changed, token);
            let checked = verify(&master(), &changed, &blob("a"), 1);
            assert_eq!(checked, Err(BlobTokenError::Forged), "{changed}");
        }
        let cut = token.rsplit_once('.').unwrap().0;
        for wrong in [
            "",
            "fb1",
            "fb1.pi.100",
            cut,
            "fb2.pi.100.00",
            "fm1.h.m.100.00",
        ] {
            let checked = verify(&master(), wrong, &blob("a"), 1);
            assert_eq!(checked, Err(BlobTokenError::Malformed), "{wrong}");
        }
        let empty = verify(&master(), "fb1.pi.100.", &blob("a"), 1);
        assert_eq!(empty, Err(BlobTokenError::Forged));
    }

    #[test]
    fn tokens_and_machine_keys_have_keys_of_their_own() {
        let claim = format!("fb1.pi.100.{}", blob("a"));
        let token = mint(&master(), &blob("a"), "pi", 100);
        let with_master = hex::encode(mac_sha256(&master(), &claim));
        assert!(!token.ends_with(&with_master));
        let with_master = format!("fb1.pi.100.{with_master}");
        assert_eq!(
            verify(&master(), &with_master, &blob("a"), 1),
            Err(BlobTokenError::Forged)
        );
        assert!(!keys::is_machine_key(&token));
        assert_ne!(
            mac_sha256(&master().key_for("one"), "x"),
            mac_sha256(&master().key_for("two"), "x")
        );
    }

    #[test]
    fn a_token_needs_no_encoding_in_a_query_whoever_holds_it() {
        let holder = "ä b&c=d%~.x";
        let token = mint(&master(), &blob("a"), holder, 100);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        assert!(token.bytes().all(plain), "{token}");
        assert_eq!(
            verify(&master(), &token, &blob("a"), 1),
            Ok(holder.to_owned())
        );
    }
}
