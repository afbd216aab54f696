//! What is over leaves the memory, and comes back when it is asked for.

use super::*;
use crate::farm::Unknown;

/// The farm's first build, made and forgotten: its branch has moved on by more commits than are shown.
fn forgotten() -> (Dialogue, BuildId, (Build, Vec<Run>)) {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.finish(&work.attempt, Outcome::Ok);
    let id = work.attempt.build;
    let stored = (
        t.farm.build(&id).unwrap().clone(),
        t.farm.runs(&id).to_vec(),
    );
    t.push(&[3]);
    t.wait(1);
    assert!(t.farm.build(&id).is_some(), "it has only just ended");
    t.now += Policy::default().remembered;
    t.wait(2);
    assert!(t.farm.build(&id).is_none());
    (t, id, stored)
}

#[test]
fn what_is_shown_stays_however_long_it_is_over() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    t.finish(&work.attempt, Outcome::Ok);
    for _ in 0..5 {
        t.now += Policy::default().remembered;
        t.wait(1);
    }
    assert!(t.farm.build(&work.attempt.build).is_some());
}

#[test]
fn a_build_of_long_ago_that_is_wanted_again_is_the_same_build() {
    let (mut t, id, stored) = forgotten();
    let branch = Branch {
        repo: "sample".parse().unwrap(),
        name: "main".to_owned(),
        default: true,
        commits: vec![commit(1)],
        total: 0,
        observed: t.now,
    };
    let back = Fact::Observed(Observation {
        repo: branch.repo.clone(),
        branches: vec![branch],
        at: t.now,
        trace: None,
    });
    let unknown = t.farm.unknown_to(&back);
    assert!(unknown.builds.contains(&id) && unknown.places.is_empty());
    t.tell(Fact::Recalled {
        builds: vec![stored],
    });
    assert_eq!(t.farm.unknown_to(&back), Unknown::default());
    let effects = t.tell(back);
    assert!(
        told::<RunJob>(&effects).is_empty(),
        "it is over: {effects:?}"
    );
    assert_eq!(t.farm.runs(&id).len(), 1);
}

#[test]
fn clearing_a_build_of_long_ago_opens_its_next_run() {
    let (mut t, id, stored) = forgotten();
    t.beat(&[("m1", None), ("m2", None)]);
    let ask = Fact::Command(Command {
        id: "c1".parse().unwrap(),
        actor: "user:gopher".to_owned(),
        ask: Ask::Clear {
            builder: "test".parse().unwrap(),
            commit: commit(1).id,
        },
    });
    assert_eq!(t.farm.unknown_to(&ask).places.len(), 1);
    t.tell(Fact::Recalled {
        builds: vec![stored],
    });
    t.tell(ask);
    assert_eq!(t.farm.runs(&id).len(), 2);
    assert_eq!(t.farm.runs(&id)[1].cause, "cleared by user:gopher");
}
