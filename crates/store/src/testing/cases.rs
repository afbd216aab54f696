//! The cases. Each starts with an empty database.

use farm_model::Timestamp;
use farm_model::kept::{Kept, KeptKey};

use super::accepted;
use super::sample::{at, branch, build, fed, finished, outgoing, owned, pause, run, transition};
use crate::{
    Batch, Committed, ConfigRecord, Decision, Epoch, FORGET_AT_ONCE, InboxEntry, Keep, Loaded,
    Store, ViewVersion,
};

type Single = fn(&mut dyn Store);
type Shared = fn(&mut dyn Store, &mut dyn Store);

pub const SINGLE: &[(&str, Single)] = &[
    ("an empty store loads empty", empty),
    ("what was committed is loaded", everything_comes_back),
    ("records replace those of their key", upserts),
    ("the same batch twice is that batch once", idempotent),
    (
        "an older epoch is fenced and writes nothing",
        fenced_after_reload,
    ),
    ("an epoch never given is fenced", unknown_epoch),
    ("inbox keys stay until they are forgotten", inbox),
    ("the outbox keeps its order", outbox),
    ("a view dirtied while it was written stays dirty", dirty),
    ("the configuration committed last is in force", config),
    ("history is kept by the hour, in order", history),
    ("the feed is in order of time", feed),
    ("a machine with an owner is replaced", owned_machines),
    ("decisions are numbered and never restart", decisions),
    ("small records are replaced and removed", kept),
    ("versions of views are replaced and forgotten", views),
    ("what is over and not shown stays where it is", keeping),
    ("any build is found again", finding),
    ("large batches are written whole", large),
    ("text from outside is stored whatever it holds", odd_text),
    ("forgetting is bounded in one commit", bounded_forgetting),
    ("a batch that fails midway leaves nothing", atomic),
    ("after an error the store goes on", usable_after_error),
];

pub const SHARED: &[(&str, Shared)] = &[
    ("the second to load fences the first", second_fences_first),
    ("a new leader sees what the old one committed", handover),
    ("a watcher sees whether the leader is there", watching),
    ("only the leader counts on", renewing),
    ("of two that follow a leader one does", succeeding),
];

fn empty(store: &mut dyn Store) {
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

fn full() -> Batch {
    Batch {
        branches: vec![branch("main", 7), branch("dev", 9)],
        builds: vec![build(1), build(2)],
        runs: vec![finished(&build(1).id, 1), run(&build(2).id, 1)],
        config: Some(configuration("d1")),
        inbox: vec![used("k1", 1)],
        outbox_add: vec![outgoing("e1")],
        dirty_add: vec!["farm.json".to_owned()],
        history: vec![transition(at(0), "wanted")],
        feed: vec![fed(at(0), 1)],
        owned: vec![owned("attic", None), owned("cellar", Some(at(3)))],
        kept: vec![change(&pause("linux", "r"))],
        views: vec![version("farm.json", "v1", 0)],
        decision: Some(decided(0)),
        ..Batch::default()
    }
}

fn version(key: &str, version: &str, second: i64) -> ViewVersion {
    ViewVersion {
        key: key.to_owned(),
        version: version.to_owned(),
        at: at(second),
    }
}

fn configuration(digest: &str) -> ConfigRecord {
    ConfigRecord {
        digest: digest.to_owned(),
        source: "farm.toml".to_owned(),
        text: format!("name = \"{digest}\"\n"),
    }
}

fn used(key: &str, second: i64) -> InboxEntry {
    InboxEntry {
        key: key.to_owned(),
        at: at(second),
    }
}

fn decided(second: i64) -> Decision {
    Decision {
        at: at(second),
        config_digest: "d1".to_owned(),
        inputs: format!("[{second}]"),
    }
}

fn everything_comes_back(store: &mut dyn Store) {
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

fn sorted_runs(mut runs: Vec<farm_model::record::Run>) -> Vec<farm_model::record::Run> {
    runs.sort_by_key(|run| (run.build.clone(), run.number));
    runs
}

fn upserts(store: &mut dyn Store) {
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

fn idempotent(store: &mut dyn Store) {
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

fn fenced_after_reload(store: &mut dyn Store) {
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

fn unknown_epoch(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let future = Epoch(epoch.number() + 1);
    assert_eq!(store.commit(future, &full()).unwrap(), Committed::Fenced);
}

fn inbox(store: &mut dyn Store) {
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

fn outbox(store: &mut dyn Store) {
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

fn dirty(store: &mut dyn Store) {
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

fn config(store: &mut dyn Store) {
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

fn history(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let (early, late) = (at(0), at(3600));
    let write = |transitions: Vec<_>| Batch {
        history: transitions,
        ..Batch::default()
    };
    accepted(
        store,
        epoch,
        &write(vec![transition(early, "wanted"), transition(late, "ok")]),
    );
    // Behind the first in the order of commits, though earlier by the clock.
    accepted(store, epoch, &write(vec![transition(at(-1), "before")]));
    accepted(store, epoch, &write(vec![transition(early, "leased")]));
    assert_eq!(
        store.history(at(3599)).unwrap(),
        [transition(early, "wanted"), transition(early, "leased")]
    );
    assert_eq!(store.history(late).unwrap(), [transition(late, "ok")]);
    assert_eq!(store.history_hours().unwrap(), [at(-3600), early, late]);
    let forget = Batch {
        forget_history_before: Some(at(3599)),
        ..Batch::default()
    };
    accepted(store, epoch, &forget);
    assert_eq!(store.history_hours().unwrap(), [early, late]);
}

fn owned_machines(store: &mut dyn Store) {
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

fn feed(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let nanosecond_later = Timestamp::from_nanosecond(at(1).as_nanosecond() + 1).unwrap();
    let batch = Batch {
        feed: vec![fed(at(5), 3), fed(nanosecond_later, 2), fed(at(1), 1)],
        ..Batch::default()
    };
    accepted(store, epoch, &batch);
    let all = store.load(Keep::Everything).unwrap();
    assert_eq!(
        all.feed,
        [fed(at(1), 1), fed(nanosecond_later, 2), fed(at(5), 3)]
    );
    let forget = Batch {
        forget_feed_before: Some(nanosecond_later),
        ..Batch::default()
    };
    accepted(store, all.epoch, &forget);
    assert_eq!(
        store.load(Keep::Everything).unwrap().feed,
        [fed(nanosecond_later, 2), fed(at(5), 3)]
    );
}

fn decisions(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    for second in 0..3 {
        let batch = Batch {
            decision: Some(decided(second)),
            ..Batch::default()
        };
        accepted(store, epoch, &batch);
    }
    let read = store.decisions(1, 1).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!((read[0].number, read[0].epoch), (2, epoch));
    assert_eq!(read[0].decision, decided(1));
    let forget = Batch {
        forget_decisions_before: Some(at(1000)),
        ..Batch::default()
    };
    accepted(store, epoch, &forget);
    let numbers = |store: &mut dyn Store| -> Vec<i64> {
        let log = store.decisions(0, 100).unwrap();
        log.iter().map(|entry| entry.number).collect()
    };
    assert_eq!(numbers(store), [3]);
    let next = Batch {
        decision: Some(decided(4)),
        ..Batch::default()
    };
    accepted(store, epoch, &next);
    assert_eq!(numbers(store), [3, 4]);
}

fn change(kept: &Kept) -> (KeptKey, Option<Kept>) {
    (kept.key(), Some(kept.clone()))
}

fn kept(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let write = |kept: &[(KeptKey, Option<Kept>)]| Batch {
        kept: kept.to_vec(),
        ..Batch::default()
    };
    let (first, second) = (pause("a", "once"), pause("b", "always"));
    let newer = pause("a", "twice");
    accepted(store, epoch, &write(&[change(&second), change(&first)]));
    accepted(
        store,
        epoch,
        &write(&[change(&first), (first.key(), None), change(&newer)]),
    );
    let loaded = store.load(Keep::Everything).unwrap();
    assert_eq!(loaded.kept, [newer.clone(), second.clone()]);
    let gone = write(&[(newer.key(), None), (pause("c", "never").key(), None)]);
    accepted(store, loaded.epoch, &gone);
    assert_eq!(store.load(Keep::Everything).unwrap().kept, [second]);
}

fn views(store: &mut dyn Store) {
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

/// 1 is open, 2 is over, 3 is over and on a branch, 4 is over and open again.
fn four_builds(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let ids: Vec<_> = (0..5).map(|number| build(number).id).collect();
    let batch = Batch {
        branches: vec![branch("main", 3)],
        builds: (1..5).map(build).collect(),
        runs: vec![
            run(&ids[1], 1),
            finished(&ids[2], 1),
            finished(&ids[3], 1),
            finished(&ids[4], 1),
            run(&ids[4], 2),
        ],
        ..Batch::default()
    };
    accepted(store, epoch, &batch);
}

fn keeping(store: &mut dyn Store) {
    four_builds(store);
    // Every run of `finished` ends at 9.
    let mut kept = |second| {
        let loaded = store.load(Keep::FinishedSince(at(second))).unwrap();
        let ids = loaded.builds.iter().map(|build| build.id.clone());
        (ids.collect::<Vec<_>>(), loaded.runs.len())
    };
    let ids = |numbers: &[u32]| numbers.iter().map(|n| build(*n).id).collect::<Vec<_>>();
    assert_eq!(kept(9), (ids(&[1, 2, 3, 4]), 5));
    assert_eq!(kept(10), (ids(&[1, 3, 4]), 4));
}

fn finding(store: &mut dyn Store) {
    four_builds(store);
    let of = |number| (build(number), build(number).key);
    let (old, key) = of(2);
    let found = store.find(&key.builder, &key.commit).unwrap();
    assert_eq!(found, [(old.clone(), vec![finished(&old.id, 1)])]);
    let (again, _) = of(4);
    let runs = vec![finished(&again.id, 1), run(&again.id, 2)];
    let (unknown, key) = of(9);
    let ids = [again.id.clone(), unknown.id];
    assert_eq!(store.builds(&ids).unwrap(), [(again, runs)]);
    assert!(store.builds(&ids[1..]).unwrap().is_empty());
    assert!(store.find(&key.builder, &key.commit).unwrap().is_empty());
}

fn large(store: &mut dyn Store) {
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

fn odd_text(store: &mut dyn Store) {
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

fn bounded_forgetting(store: &mut dyn Store) {
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

fn atomic(store: &mut dyn Store) {
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

fn usable_after_error(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    assert!(store.commit(epoch, &contradiction()).is_err());
    accepted(store, epoch, &full());
    assert_eq!(store.load(Keep::Everything).unwrap().builds.len(), 2);
}

fn second_fences_first(first: &mut dyn Store, second: &mut dyn Store) {
    let old = first.load(Keep::Everything).unwrap().epoch;
    accepted(first, old, &Batch::default());
    let new = second.load(Keep::Everything).unwrap().epoch;
    assert!(new > old);
    assert_eq!(first.commit(old, &full()).unwrap(), Committed::Fenced);
    accepted(second, new, &full());
    assert_eq!(first.commit(old, &full()).unwrap(), Committed::Fenced);
    assert_eq!(second.history(at(0)).unwrap().len(), 1);
}

fn handover(first: &mut dyn Store, second: &mut dyn Store) {
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

fn watching(leader: &mut dyn Store, watcher: &mut dyn Store) {
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

fn renewing(leader: &mut dyn Store, watcher: &mut dyn Store) {
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

fn succeeding(first: &mut dyn Store, second: &mut dyn Store) {
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
