//! A leader that begins anew from its own records decides as it would have, however often it does.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::farm::Carried;

/// As a checkpoint holds it.
fn kept<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

pub(super) fn begin_anew(t: &mut Dialogue) {
    let (saved, carried) = (kept(&t.farm.saved()), kept(&t.farm.carried()));
    t.farm = Farm::restore(Policy::default(), saved, t.now);
    t.farm.go_on(carried);
}

/// A hub falls silent, and what it ran is lost: what was seen of that in each second, and what is known at the end.
fn silence(anew: bool) -> (Vec<Option<Status>>, Carried) {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None), ("m2", None)]);
    let work = the_work(&t.push(&[1]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    let mut seen = Vec::new();
    for _ in 0..40 {
        if anew {
            begin_anew(&mut t);
        }
        t.wait(1);
        seen.push(t.status(1));
    }
    (seen, t.farm.carried())
}

#[test]
fn silence_counts_though_the_leader_begins_anew_all_the_time() {
    let (seen, carried) = silence(true);
    assert_eq!(seen.first(), Some(&Some(Status::Running)));
    assert_eq!(seen.last(), Some(&Some(Status::Queued)));
    assert_eq!((seen, carried), silence(false));
}
