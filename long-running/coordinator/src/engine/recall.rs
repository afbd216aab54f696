//! Builds of long ago come back into the leader's memory before facts that may be about them.

use farm_core::farm::Unknown;
use farm_core::{Fact, Farm};
use farm_store::{Store, StoreError};

use super::Engine;

/// Facts in their order, such that none follows a new configuration: what a fact may be about hangs on that.
pub(super) fn apart(facts: Vec<Fact>) -> Vec<Vec<Fact>> {
    let mut groups = vec![Vec::new()];
    for fact in facts {
        let ends = matches!(fact, Fact::Configured { .. });
        if let Some(group) = groups.last_mut() {
            group.push(fact);
        }
        if ends {
            groups.push(Vec::new());
        }
    }
    // A round without facts still leases what has waited long enough.
    if groups.len() > 1 {
        groups.retain(|group| !group.is_empty());
    }
    groups
}

impl Engine {
    /// The same facts, after those builds of the store that they may be about.
    pub(super) async fn recall(&mut self, facts: Vec<Fact>) -> anyhow::Result<Vec<Fact>> {
        let unknown = unknown_to(self.leader.farm(), &facts);
        if unknown.is_empty() {
            return Ok(facts);
        }
        let Some(mut store) = self.store.take() else {
            anyhow::bail!("the store is gone")
        };
        let (store, found) = tokio::task::spawn_blocking(move || {
            let found = recalled(store.as_mut(), unknown);
            (store, found)
        })
        .await?;
        self.store = Some(store);
        Ok(found?.into_iter().chain(facts).collect())
    }
}

/// What may have to be recalled before `facts`, all of them under one configuration.
#[must_use]
pub fn unknown_to(farm: &Farm, facts: &[Fact]) -> Unknown {
    let mut unknown = Unknown::default();
    for fact in facts {
        let of = farm.unknown_to(fact);
        unknown.builds.extend(of.builds);
        unknown.places.extend(of.places);
    }
    unknown
}

/// What the store has of it, as a fact.
///
/// # Errors
/// [`StoreError`].
pub fn recalled(store: &mut dyn Store, unknown: Unknown) -> Result<Option<Fact>, StoreError> {
    let ids: Vec<_> = unknown.builds.into_iter().collect();
    let mut builds = store.builds(&ids)?;
    for (builder, commit) in unknown.places {
        builds.extend(store.find(&builder, &commit)?);
    }
    let any = !builds.is_empty();
    Ok(any.then_some(Fact::Recalled { builds }))
}

#[cfg(test)]
mod tests {
    use farm_model::config::FarmConfig;

    use super::*;

    #[test]
    fn what_follows_a_new_configuration_is_taken_apart_from_it() {
        let configured = || Fact::Configured {
            digest: "d".to_owned(),
            config: Box::new(FarmConfig::parse("farm.toml", "").unwrap()),
        };
        let counts = |facts| -> Vec<usize> { apart(facts).iter().map(Vec::len).collect() };
        assert_eq!(counts(vec![]), [0]);
        assert_eq!(counts(vec![Fact::Tick, Fact::Tick]), [2]);
        assert_eq!(counts(vec![configured()]), [1]);
        let facts = vec![Fact::Tick, configured(), Fact::Deaf, configured()];
        assert_eq!(counts(facts), [2, 2]);
    }
}
