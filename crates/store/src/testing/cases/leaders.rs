//! Who leads, who watches, and what is fenced.

use super::*;

pub(super) fn fenced_after_reload(store: &mut dyn Store) {
    let old = store.load(Keep::Everything).unwrap().epoch;
    let new = store.load(Keep::Everything).unwrap().epoch;
    assert!(new > old);
    assert_eq!(store.commit(old, &full()).unwrap(), Committed::Fenced);
    assert_eq!(
        store.commit(old, &Batch::default()).unwrap(),
        Committed::Fenced
    );
    accepted(store, new, &Batch::default());
    assert!(store.load(Keep::Everything).unwrap().builds.is_empty());
    assert!(store.history(at(0)).unwrap().is_empty());
}

pub(super) fn unknown_epoch(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let future = Epoch(epoch.number() + 1);
    assert_eq!(store.commit(future, &full()).unwrap(), Committed::Fenced);
}

pub(super) fn second_fences_first(first: &mut dyn Store, second: &mut dyn Store) {
    let old = first.load(Keep::Everything).unwrap().epoch;
    accepted(first, old, &Batch::default());
    let new = second.load(Keep::Everything).unwrap().epoch;
    assert!(new > old);
    assert_eq!(first.commit(old, &full()).unwrap(), Committed::Fenced);
    accepted(second, new, &full());
    assert_eq!(first.commit(old, &full()).unwrap(), Committed::Fenced);
    assert_eq!(second.history(at(0)).unwrap().len(), 1);
}

pub(super) fn handover(first: &mut dyn Store, second: &mut dyn Store) {
    let old = first.load(Keep::Everything).unwrap().epoch;
    accepted(first, old, &full());
    let taken = second.load(Keep::Everything).unwrap();
    assert_eq!(taken.outbox, full().outbox_add);
    // And back again: the first may become the leader anew.
    let again = first.load(Keep::Everything).unwrap();
    assert!(again.epoch > taken.epoch);
    assert_eq!(
        second.commit(taken.epoch, &Batch::default()).unwrap(),
        Committed::Fenced
    );
}

pub(super) fn watching(leader: &mut dyn Store, watcher: &mut dyn Store) {
    let none = watcher.leader().unwrap();
    assert_eq!((none.epoch, none.present), (Epoch(0), false));
    let epoch = leader.load(Keep::Everything).unwrap().epoch;
    let seen = watcher.leader().unwrap();
    assert_eq!((seen.epoch, seen.present), (epoch, true));
    // A store that led and was closed is seen to be gone, and the one after it to be there.
    let mut next = watcher.another().unwrap();
    let epoch = next.load(Keep::Everything).unwrap().epoch;
    assert_eq!(watcher.leader().unwrap().epoch, epoch);
    drop(next);
    gone(watcher, epoch);
    let epoch = leader.load(Keep::Everything).unwrap().epoch;
    let seen = watcher.leader().unwrap();
    assert_eq!((seen.epoch, seen.present), (epoch, true));
}

/// A server takes a moment to notice.
fn gone(watcher: &mut dyn Store, epoch: Epoch) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        let leader = watcher.leader().unwrap();
        assert_eq!(leader.epoch, epoch);
        if !leader.present {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "still there");
        std::thread::yield_now();
    }
}

pub(super) fn renewing(leader: &mut dyn Store, watcher: &mut dyn Store) {
    let old = leader.load(Keep::Everything).unwrap().epoch;
    // Any store may do it for the leader.
    assert_eq!(leader.renew(old).unwrap(), Committed::Yes);
    assert_eq!(watcher.renew(old).unwrap(), Committed::Yes);
    assert_eq!(watcher.leader().unwrap().renewed, 2);
    let new = watcher.load(Keep::Everything).unwrap().epoch;
    assert_eq!(leader.renew(old).unwrap(), Committed::Fenced);
    let seen = leader.leader().unwrap();
    assert_eq!((seen.epoch, seen.renewed), (new, 0));
}

pub(super) fn succeeding(first: &mut dyn Store, second: &mut dyn Store) {
    let none = second.leader().unwrap();
    let led = first.succeed(none).unwrap().unwrap();
    assert_eq!(second.succeed(none).unwrap(), None);
    let seen = second.leader().unwrap();
    assert_eq!(seen.epoch, led);
    // A commit is a sign of life, however long it took.
    accepted(first, led, &full());
    assert_eq!(second.succeed(seen).unwrap(), None);
    let seen = second.leader().unwrap();
    let next = second.succeed(seen).unwrap().unwrap();
    let read = second.read(next, Keep::Everything).unwrap();
    assert_eq!((read.epoch, read.builds.len()), (next, 2));
    assert_eq!(first.commit(led, &full()).unwrap(), Committed::Fenced);
}
