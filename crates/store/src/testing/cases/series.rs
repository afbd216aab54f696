//! What is kept in order, and what is over.

use super::*;

pub(super) fn history(store: &mut dyn Store) {
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

pub(super) fn feed(store: &mut dyn Store) {
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

pub(super) fn decisions(store: &mut dyn Store) {
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

pub(super) fn keeping(store: &mut dyn Store) {
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

pub(super) fn finding(store: &mut dyn Store) {
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
    let commits = [build(2).key.commit, build(4).key.commit, key.commit.clone()];
    let at_commits = store.builds_of(&commits).unwrap();
    let builds: Vec<_> = at_commits.iter().map(|(build, _)| build.clone()).collect();
    assert_eq!(builds, [build(2), build(4)]);
    assert_eq!(at_commits[1].1.len(), 2);
    assert!(store.find(&key.builder, &key.commit).unwrap().is_empty());
}

pub(super) fn walking(store: &mut dyn Store) {
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let builds: Vec<_> = (0..7).map(build).collect();
    // Several end in the same moment, and the last build has a run that is open.
    let mut runs: Vec<_> = builds.iter().map(|of| finished(&of.id, 1)).collect();
    for (second, run) in (0..).zip(&mut runs) {
        run.verdict.as_mut().unwrap().at = at(second / 3);
    }
    runs.push(run(&builds[6].id, 2));
    let batch = Batch {
        builds,
        runs: runs.clone(),
        ..Batch::default()
    };
    accepted(store, epoch, &batch);
    let mut walked = |which| {
        let (mut all, mut after): (Vec<_>, Option<RunMark>) = (Vec::new(), None);
        loop {
            let portion = store.runs(which, after.as_ref(), 2).unwrap();
            assert!(portion.len() <= 2);
            let Some((mark, _)) = portion.last() else {
                return all;
            };
            after = Some(mark.clone());
            all.extend(portion.into_iter().map(|(_, run)| run));
        }
    };
    assert_eq!(walked(Which::Open), runs[7..]);
    let mut ended = walked(Which::EndedSince(None));
    assert!(ended.is_sorted_by_key(|run| run.verdict.as_ref().unwrap().at));
    ended.sort_by_key(|run| runs.iter().position(|of| of == run));
    assert_eq!(ended, runs[..7]);
    let late = walked(Which::EndedSince(Some(at(1))));
    assert_eq!(late.len(), 4);
    assert!(late.iter().all(|run| runs[3..7].contains(run)));
}
