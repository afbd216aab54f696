//! Acknowledgement ids: which lease of which message of which subscription, as text.

use std::fmt;

use crate::lease::Token;
use crate::refusal::Refusal;
use crate::seqs::Seq;
use crate::store::catalog::SubscriptionId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AckId {
    pub subscription: SubscriptionId,
    pub seq: Seq,
    pub token: Token,
}

impl fmt::Display for AckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:x}-{:x}-{:x}",
            self.subscription.0, self.seq.0, self.token.0
        )
    }
}

impl AckId {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(subscription)), Some(Ok(seq)), Some(Ok(token)), None) => Ok(Self {
                subscription: SubscriptionId(subscription),
                seq: Seq(seq),
                token: Token(token),
            }),
            _ => Err(Refusal::invalid(format!(
                "You have passed an invalid ack ID to the service (ack_id={text})."
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_id_reads_back_and_nonsense_does_not() {
        let id = AckId {
            subscription: SubscriptionId(7),
            seq: Seq(300),
            token: Token(u64::MAX),
        };
        assert_eq!(AckId::parse(&id.to_string()), Ok(id));
        for text in ["", "1-2", "1-2-3-4", "1-2-x", "hello"] {
            assert!(AckId::parse(text).is_err(), "{text}");
        }
    }
}
