//! Which documents there are.

use std::collections::BTreeSet;

use farm_model::record::Branch;
use farm_model::view::sheet_of;

use crate::effects::ViewKey;
use crate::farm::Farm;

/// Every document that is rendered from memory alone, however long the history is.
#[must_use]
pub fn heads(farm: &Farm) -> Vec<ViewKey> {
    let mut keys = vec![
        ViewKey::Farm,
        ViewKey::Feed,
        ViewKey::Status,
        ViewKey::Flakes,
        ViewKey::Audit,
    ];
    let pools = farm.config().hosts.values().any(|host| host.pool.is_some());
    if pools || farm.orders().next().is_some() {
        keys.push(ViewKey::Pools);
    }
    for branch in farm.branches() {
        let (repo, name) = (branch.repo.clone(), branch.name.clone());
        let of = || (repo.clone(), name.clone());
        let (repo, branch) = of();
        keys.push(ViewKey::Grid { repo, branch });
        let (repo, branch) = of();
        keys.push(ViewKey::Breakages { repo, branch });
        let (repo, branch) = of();
        keys.push(ViewKey::Tests { repo, branch });
    }
    let config = farm.config();
    let builders = config.builders.keys().cloned();
    keys.extend(builders.map(|builder| ViewKey::Builder { builder }));
    let hosts = config.builders.values().map(|builder| builder.host.clone());
    let hosts: BTreeSet<_> = hosts.collect();
    keys.extend(hosts.into_iter().map(|host| ViewKey::Queue { host }));
    keys
}

/// The numbers of a branch's sheets, newest first.
pub fn sheets(branch: &Branch) -> impl Iterator<Item = u64> + use<> {
    let last = branch.total.checked_sub(1).map(sheet_of);
    last.into_iter().flat_map(|last| (0..=last).rev())
}
