//! What belonged to an object goes with it.
//!
//! Reference: <https://kubernetes.io/docs/concepts/architecture/garbage-collection/>: an object goes once none of its owners is
//! there.

use std::collections::BTreeSet;

use super::state::{Key, State};
use super::{Kubernetes, delete};

impl Kubernetes {
    /// Deletes what has only owners that are gone, and what belonged to that.
    pub(super) fn collect(&self) {
        loop {
            let orphans = self.look(orphans);
            let mut changed = false;
            for (key, uid) in orphans {
                changed |= self.let_go(&key, &uid);
            }
            if !changed {
                return;
            }
        }
    }

    /// True: the object is gone. A pod goes by and by.
    fn let_go(&self, key: &Key, uid: &str) -> bool {
        if let Some((life, _, _)) = self.begin_to_end(key, uid, None) {
            let gone = delete::gone(self.clone(), key.clone(), uid.to_owned(), life);
            self.0.place.spawn(gone);
            return false;
        }
        self.change(|state| state.remove(key, uid));
        true
    }
}

/// Objects all of whose owners are gone, but for pods that are ending.
fn orphans(state: &State) -> Vec<(Key, String)> {
    let there: BTreeSet<&str> = state.objects.values().map(|one| one.uid()).collect();
    let all = state.objects.iter().filter(|(_, stored)| {
        let owners = stored.owners();
        let ending = stored.body["metadata"].get("deletionTimestamp").is_some();
        !ending && !owners.is_empty() && owners.iter().all(|owner| !there.contains(owner))
    });
    all.map(|(key, stored)| (key.clone(), stored.uid().to_owned()))
        .collect()
}
