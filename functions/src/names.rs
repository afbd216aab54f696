//! How people name what they ask for.

use farm_model::id::{CommandId, IdError};
use sha2::{Digest, Sha256};

/// Bytes of the digest of who asks.
const DIGEST: usize = 8;

/// The start of the id of a command that `actor` named `key`: of two people who choose the same name, each has a command of
/// their own.
///
/// # Errors
/// `key` is not a command id itself.
pub(crate) fn named(actor: &str, key: &str) -> Result<String, IdError> {
    let key: CommandId = key.parse()?;
    let digest = Sha256::digest(actor);
    Ok(format!("{}-{key}", hex::encode(&digest[..DIGEST])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_by_two_people_names_two_commands() {
        let id = named("user:gopher", "mine-1").unwrap();
        assert!(id.ends_with("-mine-1"), "{id}");
        assert_eq!(id.len(), 16 + "-mine-1".len());
        assert_eq!(named("user:gopher", "mine-1").unwrap(), id);
        assert_ne!(named("user:other", "mine-1").unwrap(), id);
        assert!(id.parse::<CommandId>().is_ok());
        assert!(named("user:gopher", ".hidden").is_err());
    }
}
