//! Key material of direct mode (`buildlet.md` 7.1): a client that started a machine with a key pair knows its password from
//! the key alone, and believes that very certificate ([`crate::tls::Trust::Pinned`]).

use sha1::{Digest, Sha1};

/// The password of a machine that was given this private key: lower-case hex of the SHA-1 of its PEM text, the final newline
/// included.
///
/// Whoever reads the key knows the password: it keeps out those who reach the machine, not those who read its settings.
#[must_use]
pub fn password_of(key_pem: &str) -> String {
    hex::encode(Sha1::digest(key_pem.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::password_of;

    #[test]
    fn the_password_is_the_published_one() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        assert_eq!(password_of(pem), "f9c4f9760849d568c795fc5f5cbe3fa5fc47981e");
        assert_ne!(password_of(pem.trim()), password_of(pem));
    }
}
