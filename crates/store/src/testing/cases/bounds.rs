//! Large batches, odd ones, and those that fail.

use super::*;

pub(super) fn large(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let builds: Vec<_> = (0..700).map(build).collect();
    let batch = Batch {
        runs: builds.iter().map(|build| run(&build.id, 1)).collect(),
        outbox_add: (0..700).map(|n| outgoing(&format!("e{n:03}"))).collect(),
        history: (0..700).map(|_| transition(at(0), "wanted")).collect(),
        builds,
        ..Batch::default()
    };
    accepted(store, epoch, &batch);
    let loaded = store.load(Keep::FinishedSince(at(0))).unwrap();
    assert_eq!(loaded.builds, batch.builds);
    assert_eq!(sorted_runs(batch.runs), loaded.runs);
    assert_eq!(loaded.outbox, batch.outbox_add);
    assert_eq!(store.history(at(0)).unwrap().len(), 700);
    let done = loaded.outbox.iter().map(|entry| entry.event.id.clone());
    let told = Batch {
        outbox_done: done.collect(),
        ..Batch::default()
    };
    accepted(store, loaded.epoch, &told);
    assert!(store.load(Keep::Everything).unwrap().outbox.is_empty());
}

pub(super) fn odd_text(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let mut event = outgoing("ids have ' and \" and \\ and ✓");
    event.event.data = "a NUL \0 and a line\nend".to_owned();
    let batch = Batch {
        inbox: vec![used("with a NUL \0 in it", 1)],
        outbox_add: vec![event.clone()],
        ..Batch::default()
    };
    accepted(store, epoch, &batch);
    let loaded = store.load(Keep::Everything).unwrap();
    assert_eq!(loaded.inbox, [used("with a NUL \u{fffd} in it", 1)]);
    assert_eq!(loaded.outbox, [event]);
}

pub(super) fn bounded_forgetting(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let many = FORGET_AT_ONCE + 5;
    let batch = Batch {
        inbox: (0..many).map(|n| used(&n.to_string(), n.into())).collect(),
        ..Batch::default()
    };
    accepted(store, epoch, &batch);
    let forget = Batch {
        forget_inbox_before: Some(at(many.into())),
        ..Batch::default()
    };
    accepted(store, epoch, &forget);
    let left = store.load(Keep::Everything).unwrap();
    let newest: Vec<_> = (1000..1005).map(|n| used(&n.to_string(), n)).collect();
    assert_eq!(left.inbox, newest);
    accepted(store, left.epoch, &forget);
    assert!(store.load(Keep::Everything).unwrap().inbox.is_empty());
}

/// A run of a build that nobody knows comes after everything else that the batch writes first.
fn contradiction() -> Batch {
    let mut batch = full();
    batch.runs.push(run(&build(99).id, 1));
    batch
}

pub(super) fn atomic(store: &mut dyn Store) {
    let before = store.load(Keep::Everything).unwrap();
    assert!(store.commit(before.epoch, &contradiction()).is_err());
    let after = store.load(Keep::Everything).unwrap();
    assert_eq!(
        Loaded {
            epoch: before.epoch,
            ..after
        },
        before
    );
    assert!(store.history_hours().unwrap().is_empty());
}

pub(super) fn usable_after_error(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    assert!(store.commit(epoch, &contradiction()).is_err());
    accepted(store, epoch, &full());
    assert_eq!(store.load(Keep::Everything).unwrap().builds.len(), 2);
}
