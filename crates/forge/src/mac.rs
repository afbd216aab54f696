//! HMAC-SHA256, the one keyed hash of signatures and tokens.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The code of `parts`, one after the other. None for an empty key, which would sign anything for anybody.
pub(crate) fn sign(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    Some(keyed(key, parts)?.finalize().into_bytes().into())
}

/// Whether `code` is the code of `parts`, in constant time. None for an empty key.
pub(crate) fn verify(key: &[u8], parts: &[&[u8]], code: &[u8]) -> Option<bool> {
    Some(keyed(key, parts)?.verify_slice(code).is_ok())
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    if key.is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac)
}
