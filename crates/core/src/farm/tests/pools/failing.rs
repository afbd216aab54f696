//! Machines that cannot be made, do not come, or go.

use super::*;

#[test]
fn stock_outs_are_waited_for_longer_each_time_and_a_machine_ends_that() {
    let mut t = pooled();
    let mut order = the_order(&t.push(&[1]));
    let mut pauses = Vec::new();
    for _ in 0..9 {
        t.tell_failed(&order, NotMade::StockOut);
        let failed = t.now;
        let [OrderStand::Waits { again, cause, .. }] = &t.stands()[..] else {
            panic!("{:?}", t.stands())
        };
        assert_eq!(*cause, NotMade::StockOut);
        let pause = again.duration_since(failed).as_secs();
        pauses.push(pause);
        assert_eq!(orders(&t.live(pause - 1, &[])), [], "not before");
        let next = the_order(&t.live(3, &[]));
        assert_eq!(next.machine, order.machine);
        assert_eq!(next.attempt, order.attempt + 1);
        assert!(next.until > order.until);
        order = next;
    }
    assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 900, 900, 900]);
    t.tell_made(&order);
    assert_eq!(t.order().failures, 0);
}

#[test]
fn while_one_cannot_be_made_no_others_are_ordered_and_when_one_is_they_all_go() {
    let text = POOLED.replace("most = 2", "most = 9");
    let mut t = pooled_as(&text);
    let two = orders(&t.push(&[2, 1]));
    for order in &two {
        t.tell_failed(order, NotMade::StockOut);
    }
    assert_eq!(orders(&t.push(&[4, 3, 2, 1])), []);
    let again = orders(&t.live(20, &[]));
    assert_eq!(again.len(), 2);
    t.tell_failed(&again[0], NotMade::StockOut);
    let effects = t.tell_made(&again[1]);
    // That which failed is tried at once, and with it the others that wait are ordered.
    let retried = orders(&effects);
    assert_eq!(retried[0].machine, again[0].machine);
    assert_eq!(retried[0].attempt, 3);
    assert_eq!(retried.len(), 3);
}

#[test]
fn a_full_pool_has_room_once_a_machine_has_gone() {
    let mut t = pooled();
    let two = orders(&t.push(&[3, 2, 1]));
    t.tell_made(&two[0]);
    t.tell_failed(&two[1], NotMade::Quota);
    let effects = t.tell_gone(&two[0]);
    let next = orders(&effects);
    assert_eq!((&next[0].machine, next[0].attempt), (&two[1].machine, 2));
}

#[test]
fn what_can_never_be_made_so_is_an_operators_business() {
    let mut t = pooled();
    let two = orders(&t.push(&[3, 2, 1]));
    t.tell_failed(&two[0], NotMade::Refused);
    t.tell_failed(&two[1], NotMade::Refused);
    // One of them is enough to try again.
    assert_eq!(t.stands().len(), 1);
    let trouble = |t: &Dialogue| t.farm.troubles().collect::<Vec<_>>();
    assert_eq!(
        trouble(&t),
        [
            "host type local: its machines cannot be made; mend its table in farm.toml, or the pool: the pool's words"
        ]
    );
    assert_eq!(orders(&t.live(20 * MINUTE, &[])), []);
    t.restart();
    t.live(1, &[]);
    assert_eq!(trouble(&t).len(), 1);
    let config = POOLED.replace("debian", "fedora");
    let effects = t.tell(Fact::Configured {
        digest: "d2".to_owned(),
        config: Box::new(FarmConfig::parse("farm.toml", &config).unwrap()),
    });
    let mut new = orders(&effects);
    new.extend(orders(&t.live(20, &[])));
    assert_eq!(new.len(), 2);
    assert!(
        new.iter()
            .all(|of| *of.machine.as_str() != *two[0].machine.as_str())
    );
    assert_eq!(trouble(&t), [""; 0]);
}

#[test]
fn one_that_does_not_register_is_given_up() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    t.tell_made(&order);
    assert_eq!(unwanted(&t.live(9 * MINUTE, &[])), [""; 0]);
    let effects = t.live(2 * MINUTE, &[]);
    assert_eq!(
        unwanted(&effects),
        ["it has not registered within 10 minutes"]
    );
    assert_eq!(orders(&effects).len(), 1, "and another is ordered");
    let trouble: Vec<String> = t.farm.troubles().collect();
    assert!(
        trouble[0].contains("1 of its machines in a row"),
        "{trouble:?}"
    );
}

#[test]
fn machines_of_no_use_are_ordered_one_by_one_and_ever_more_slowly() {
    let text = POOLED.replace("most = 2", "most = 9");
    let mut t = pooled_as(&text);
    let mut last = orders(&t.push(&[4, 3, 2, 1]));
    let mut counts = Vec::new();
    for _ in 0..4 {
        counts.push(last.len());
        for order in &last {
            t.tell_made(order);
        }
        // None of them registers. They are deleted, and what comes then is ordered.
        t.live(10 * MINUTE + 5, &[]);
        for order in &last {
            t.tell_gone(order);
        }
        let ended = t.now;
        last = orders(&t.live(15 * MINUTE, &[]));
        let at = last.first().map(|of| of.at.duration_since(ended).as_secs());
        counts.push(usize::try_from(at.unwrap()).unwrap() / 60);
    }
    assert_eq!(counts, [4, 1, 1, 3, 1, 7, 1, 14]);
    let order = last.remove(0);
    t.tell_made(&order);
    let work = the_work(&t.beat(&[(order.machine.as_str(), None)]));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.live(2, &[(order.machine.as_str(), Some(&work.attempt))]);
    assert_eq!(t.farm.troubles().count(), 0, "one is of use");
    assert_eq!(t.stands().len(), 4, "so that all are ordered");
}

#[test]
fn nobody_is_missed_while_no_hub_lives() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    t.tell_made(&order);
    // No hub is heard of for an hour.
    assert_eq!(unwanted(&t.wait(60 * MINUTE)), [""; 0]);
    let effects = t.live(9 * MINUTE, &[]);
    assert_eq!(unwanted(&effects), [""; 0]);
}

#[test]
fn one_that_is_taken_back_is_replaced() {
    let mut t = pooled();
    let (order, _) = t.with_machine();
    // Its hub does not speak of it any more, so that its work is lost.
    let effects = t.live(30, &[]);
    assert_eq!(orders(&effects), [], "it may come back");
    let effects = t.live(MINUTE, &[]);
    assert_eq!(orders(&effects).len(), 1);
    t.tell_gone(&order);
    assert_eq!(t.stands(), [OrderStand::Wanted]);
}

#[test]
fn one_of_which_nobody_says_that_it_is_gone_is_over_in_the_end() {
    let mut t = pooled();
    let order = the_order(&t.push(&[1]));
    let effects = t.live(70 * MINUTE + 5, &[]);
    assert!(unwanted(&effects).contains(&"its time is over".to_owned()));
    let stands = |t: &Dialogue| t.farm.book().order(&order.machine).is_some();
    t.live(59 * MINUTE, &[]);
    assert!(stands(&t));
    t.live(2 * MINUTE, &[]);
    assert!(!stands(&t));
}
