//! What is kept by key, and replaced.

use farm_model::record::{CommitInfo, Numbered};

use super::*;
use crate::Placed;

pub(super) fn empty(store: &mut dyn Store) {
    let loaded = store.load(Keep::Everything).unwrap();
    let expected = Loaded {
        epoch: loaded.epoch,
        branches: vec![],
        builds: vec![],
        runs: vec![],
        inbox: vec![],
        outbox: vec![],
        dirty: vec![],
        config: None,
        feed: vec![],
        owned: vec![],
        kept: vec![],
        views: vec![],
    };
    assert_eq!(loaded, expected);
    assert_eq!(loaded.epoch.number(), 1);
    accepted(store, loaded.epoch, &Batch::default());
    assert!(store.history(at(0)).unwrap().is_empty());
    assert!(store.history_hours().unwrap().is_empty());
    assert!(store.decisions(0, 10).unwrap().is_empty());
}

pub(super) fn everything_comes_back(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    accepted(store, epoch, &full());
    let loaded = store.load(Keep::Everything).unwrap();
    let batch = full();
    assert!(loaded.epoch > epoch);
    assert_eq!(loaded.branches, [branch("dev", 9), branch("main", 7)]);
    assert_eq!(loaded.builds, batch.builds);
    assert_eq!(sorted_runs(loaded.runs), sorted_runs(batch.runs));
    assert_eq!(loaded.inbox, [used("k1", 1)]);
    assert_eq!(loaded.outbox, batch.outbox_add);
    assert_eq!(loaded.dirty, batch.dirty_add);
    assert_eq!(loaded.config, batch.config);
    assert_eq!(loaded.feed, batch.feed);
    assert_eq!(loaded.owned, batch.owned);
    assert_eq!(loaded.kept, [pause("linux", "r")]);
    assert_eq!(loaded.views, batch.views);
    assert_eq!(store.history(at(0)).unwrap(), batch.history);
}

pub(super) fn upserts(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    accepted(store, epoch, &full());
    let mut again = build(2);
    again.run = 2;
    let batch = Batch {
        branches: vec![branch("main", 8)],
        builds: vec![again.clone()],
        runs: vec![finished(&again.id, 1), run(&again.id, 2)],
        ..Batch::default()
    };
    accepted(store, epoch, &batch);
    let loaded = store.load(Keep::Everything).unwrap();
    assert_eq!(loaded.branches, [branch("dev", 9), branch("main", 8)]);
    assert_eq!(loaded.builds, [build(1), again.clone()]);
    let runs: Vec<_> = loaded
        .runs
        .iter()
        .filter(|run| run.build == again.id)
        .collect();
    assert_eq!(runs, [&finished(&again.id, 1), &run(&again.id, 2)]);
    assert_eq!(loaded.runs.len(), 3);
}

pub(super) fn idempotent(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let batch = Batch {
        history: vec![],
        decision: None,
        ..full()
    };
    accepted(store, epoch, &batch);
    let once = store.load(Keep::Everything).unwrap();
    accepted(store, once.epoch, &batch);
    let twice = store.load(Keep::Everything).unwrap();
    assert_eq!(
        Loaded {
            epoch: once.epoch,
            ..twice
        },
        once
    );
}

pub(super) fn inbox(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let first = Batch {
        inbox: vec![used("b", 2), used("a", 2), used("c", 1)],
        ..Batch::default()
    };
    accepted(store, epoch, &first);
    let repeated = Batch {
        inbox: vec![used("c", 50)],
        forget_inbox_before: Some(at(1)),
        ..Batch::default()
    };
    accepted(store, epoch, &repeated);
    assert_eq!(
        store.load(Keep::Everything).unwrap().inbox,
        [used("c", 1), used("a", 2), used("b", 2)]
    );
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let forget = Batch {
        forget_inbox_before: Some(at(2)),
        ..Batch::default()
    };
    accepted(store, epoch, &forget);
    assert_eq!(
        store.load(Keep::Everything).unwrap().inbox,
        [used("a", 2), used("b", 2)]
    );
}

pub(super) fn outbox(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let add = |ids: &[&str]| Batch {
        outbox_add: ids.iter().map(|id| outgoing(id)).collect(),
        ..Batch::default()
    };
    accepted(store, epoch, &add(&["z", "a"]));
    accepted(store, epoch, &add(&["m", "a"]));
    accepted(
        store,
        epoch,
        &Batch {
            outbox_done: vec!["z".to_owned(), "never there".to_owned()],
            ..add(&["b"])
        },
    );
    let waiting: Vec<_> = store.load(Keep::Everything).unwrap().outbox;
    assert_eq!(waiting, ["a", "m", "b"].map(outgoing));
}

pub(super) fn dirty(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let mark = |done: &[&str], add: &[&str]| Batch {
        dirty_done: done.iter().map(ToString::to_string).collect(),
        dirty_add: add.iter().map(ToString::to_string).collect(),
        ..Batch::default()
    };
    accepted(store, epoch, &mark(&[], &["x", "y", "x"]));
    accepted(store, epoch, &mark(&["x", "y"], &["x"]));
    assert_eq!(store.load(Keep::Everything).unwrap().dirty, ["x"]);
}

pub(super) fn config(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    for digest in ["d1", "d2", "d1"] {
        let batch = Batch {
            config: Some(configuration(digest)),
            ..Batch::default()
        };
        accepted(store, epoch, &batch);
    }
    assert_eq!(
        store.load(Keep::Everything).unwrap().config,
        Some(configuration("d1"))
    );
}

pub(super) fn owned_machines(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    for away in [None, Some(at(1)), None, Some(at(2))] {
        let batch = Batch {
            owned: vec![owned("attic", away)],
            ..Batch::default()
        };
        accepted(store, epoch, &batch);
    }
    assert_eq!(
        store.load(Keep::Everything).unwrap().owned,
        [owned("attic", Some(at(2)))]
    );
}

pub(super) fn kept(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let write = |kept: &[(KeptKey, Option<Kept>)]| Batch {
        kept: kept.to_vec(),
        ..Batch::default()
    };
    let (first, second) = (pause("a", "once"), pause("b", "always"));
    let newer = pause("a", "twice");
    let (once, again) = (ordered("linux-rn1", 1), ordered("linux-rn1", 2));
    let all = [change(&second), change(&first), change(&once)];
    accepted(store, epoch, &write(&all));
    accepted(
        store,
        epoch,
        &write(&[
            change(&first),
            (first.key(), None),
            change(&newer),
            change(&again),
        ]),
    );
    let loaded = store.load(Keep::Everything).unwrap();
    assert_eq!(loaded.kept, [newer.clone(), second.clone(), again.clone()]);
    let pauses = store.kept(newer.key().kind).unwrap();
    assert_eq!(pauses, [newer.clone(), second.clone()]);
    let never = pause("c", "never");
    let gone = [&newer, &again, &never].map(|of| (of.key(), None));
    let gone = write(&gone);
    accepted(store, loaded.epoch, &gone);
    assert_eq!(store.load(Keep::Everything).unwrap().kept, [second]);
}

pub(super) fn numbers(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let write = |of| Batch {
        numbers: vec![of],
        ..Batch::default()
    };
    let repo = numbered(0, &[], 0).repo;
    let on_main = |store: &mut dyn Store, numbers| -> Vec<(u64, CommitInfo)> {
        store.numbered(&repo, "main", numbers).unwrap()
    };
    let row = |number: u64, of: u32| (number, commit_info(of));
    accepted(store, epoch, &write(numbered(0, &[10, 11, 12, 13], 4)));
    let on_dev = Numbered {
        branch: "dev".to_owned(),
        ..numbered(7, &[11], 8)
    };
    accepted(store, epoch, &write(on_dev));
    assert_eq!(on_main(store, 1..3), [row(1, 11), row(2, 12)]);
    assert_eq!(on_main(store, 3..300), [row(3, 13)]);
    // Rewritten: one is replaced, and what was behind it goes.
    accepted(store, epoch, &write(numbered(2, &[20], 3)));
    assert_eq!(on_main(store, 0..9), [row(0, 10), row(1, 11), row(2, 20)]);
    assert!(store.numbered(&repo, "other", 0..9).unwrap().is_empty());
    let place = |branch: &str, number| Placed {
        branch: branch.to_owned(),
        number,
        commit: commit_info(11),
    };
    let places = store.places(&repo, &commit_info(11).id).unwrap();
    assert_eq!(places, [place("dev", 7), place("main", 1)]);
    assert!(store.places(&repo, &commit_info(13).id).unwrap().is_empty());
    let many: Vec<u32> = (100..700).collect();
    accepted(store, epoch, &write(numbered(3, &many, 603)));
    assert_eq!(on_main(store, 590..700).len(), 13);
}

pub(super) fn views(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let write = |views: &[ViewVersion]| Batch {
        views: views.to_vec(),
        ..Batch::default()
    };
    let (farm, feed) = (version("farm", "2", 9), version("feed", "1", 3));
    accepted(
        store,
        epoch,
        &write(&[version("farm", "1", 1), feed.clone(), farm.clone()]),
    );
    let loaded = store.load(Keep::Everything).unwrap();
    assert_eq!(loaded.views, [farm.clone(), feed]);
    let forget = Batch {
        forget_views_before: Some(at(9)),
        ..Batch::default()
    };
    accepted(store, loaded.epoch, &forget);
    assert_eq!(store.load(Keep::Everything).unwrap().views, [farm]);
}
