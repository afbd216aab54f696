//! What people are told of machines that are made.

use super::*;

/// The sentence for the build of a commit.
fn sentence(t: &Dialogue, number: u32) -> String {
    let reason = crate::explain::explain(&t.farm, &t.build(number), t.now);
    reason.unwrap().to_string()
}

#[test]
fn a_build_says_what_its_machine_is_at() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    let name = order.machine.to_string();
    let since = t.now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    assert_eq!(
        sentence(&t, 1),
        format!("{name} is being made in pool vms, since {since}")
    );
    let again = |t: &Dialogue, seconds| {
        let again = t.now + SignedDuration::from_secs(seconds);
        again.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    };
    for (cause, words, end) in [
        (
            NotMade::StockOut,
            "pool vms has no machine for local now",
            "",
        ),
        (NotMade::Quota, "pool vms may have no more machines now", ""),
        (NotMade::Passing, "NAME could not be made in pool vms", ""),
        (
            NotMade::Refused,
            "no machine of local can be made in pool vms",
            ", or when farm.toml has changed",
        ),
    ] {
        let mut t = pooled();
        let order = the_order(&t.push(&[1]));
        t.tell_failed(&order, cause);
        let seconds = if cause == NotMade::Refused { 3600 } else { 15 };
        let words = words.replace("NAME", order.machine.as_str());
        let again = again(&t, seconds);
        let want = format!("{words}: the pool's words; tried again at {again}{end}");
        assert_eq!(sentence(&t, 1), want);
    }
    t.tell_made(&order);
    assert_eq!(
        sentence(&t, 1),
        format!("{name} was made in zone-a and has yet to register, since {since}")
    );
    // It comes, and another build wants one.
    let work = the_work(&t.beat(&[(&name, None)]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    let second = the_order(&t.push(&[2, 1]));
    t.tell_made(&second);
    assert!(sentence(&t, 2).starts_with(second.machine.as_str()));
    t.push(&[4, 3, 2, 1]);
    assert_eq!(
        sentence(&t, 3).split(';').nth(1),
        Some(" there may be 2 machines of local, and no more"),
        "{}",
        sentence(&t, 3)
    );
}

#[test]
fn a_machine_that_is_given_up_says_why() {
    let mut t = pooled();
    let (order, work) = t.with_machine();
    let name = order.machine.to_string();
    t.finish(&work.attempt, Outcome::Ok);
    t.live(5 * MINUTE + 5, &[(&name, None)]);
    let view = crate::page::front(&t.farm, t.now);
    let why = view.machines[0].aside.as_ref().map(|of| of.why.as_str());
    assert_eq!(why, Some("it is being deleted: it has had no work"));
}
