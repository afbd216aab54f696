//! That both ends of a link know the master key.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::keys::MasterKey;

/// Who a proof is of: a proof of one is none of the other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Dialer,
    Acceptor,
}

/// Makes and checks proofs.
#[derive(Clone)]
pub(super) struct Proof {
    pub hub: String,
    key: Vec<u8>,
}

impl Proof {
    pub fn new(hub: &str, master: &MasterKey) -> Self {
        Self {
            hub: hub.to_owned(),
            key: master.derive("links between hubs"),
        }
    }

    pub fn of(&self, role: Role, from: &str, to: &str, secret: &[u8]) -> Vec<u8> {
        let role: &[u8] = match role {
            Role::Dialer => b"dialer\n",
            Role::Acceptor => b"acceptor\n",
        };
        // HMAC takes keys of any length: the error cannot happen, and `holds` takes an empty proof for none.
        Hmac::<Sha256>::new_from_slice(&self.key)
            .map(|mac| {
                [role, from.as_bytes(), b"\n", to.as_bytes(), b"\n", secret]
                    .into_iter()
                    .fold(mac, |mac, part| mac.chain_update(part))
                    .finalize()
                    .into_bytes()
                    .to_vec()
            })
            .unwrap_or_default()
    }

    pub fn holds(&self, role: Role, from: &str, to: &str, secret: &[u8], shown: &[u8]) -> bool {
        let clear = !from.contains('\n') && !to.contains('\n');
        clear && bool::from(self.of(role, from, to, secret).ct_eq(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_role_and_one_pair_of_hubs() {
        let proof = Proof::new("h1", &MasterKey::new(b"farm").unwrap());
        let shown = proof.of(Role::Dialer, "h1", "h2", b"secret");
        let holds = |role, from, to, secret: &[u8]| proof.holds(role, from, to, secret, &shown);
        assert!(holds(Role::Dialer, "h1", "h2", b"secret"));
        assert!(!holds(Role::Acceptor, "h1", "h2", b"secret"));
        assert!(!holds(Role::Dialer, "h2", "h1", b"secret"));
        assert!(!holds(Role::Dialer, "h1", "h2", b"secreT"));
        assert!(!proof.holds(Role::Dialer, "h1", "h2", b"secret", b""));
        let odd = proof.of(Role::Dialer, "h1\nh2", "h3", b"secret");
        assert!(!proof.holds(Role::Dialer, "h1\nh2", "h3", b"secret", &odd));
    }
}
