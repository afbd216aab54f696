//! Machines that are made with labels.

use super::*;
use crate::explain::explain;

const GPU: [&str; 1] = ["gpu"];

/// The farm of the other tests, whose pool makes machines with `pool`, and whose builders ask for what they say.
fn labelled(pool: &[&str], builders: &[(&str, &[&str])]) -> String {
    let (farm, rest) = POOLED.split_once("[builders.test]").unwrap();
    let (builder, repositories) = rest.split_once("[repositories").unwrap();
    let mut text = farm.replace("most = 2", &format!("most = 9\nlabels = {pool:?}"));
    for (name, labels) in builders {
        text += &format!("[builders.{name}]\nlabels = {labels:?}{builder}");
    }
    text + "[repositories" + repositories
}

/// The same with one builder.
fn one(pool: &[&str], builder: &[&str]) -> String {
    labelled(pool, &[("test", builder)])
}

impl Dialogue {
    fn configured_as(&mut self, text: &str) -> Effects {
        let config = FarmConfig::parse("farm.toml", text).unwrap();
        self.configure(|of| *of = config)
    }

    /// What machines have that are made.
    fn give(&mut self, orders: &[MachineOrder]) {
        let labels = |of: &MachineOrder| (of.machine.to_string(), of.labels.clone());
        self.labels.extend(orders.iter().map(labels));
    }

    /// The sentence for the build of the first commit.
    fn why_of(&self, builder: &str) -> String {
        let mut builds = self.saved.builds.iter();
        let build = builds.find(|build| build.key.builder.as_str() == builder);
        let reason = explain(&self.farm, &build.unwrap().id, self.now);
        reason.unwrap().to_string()
    }
}

#[test]
fn what_asks_for_labels_that_the_pool_has_has_a_machine_made_with_all_of_them() {
    let mut t = pooled_as(&one(&["gpu", "big"], &GPU));
    let order = the_order(&t.push(&[1]));
    assert_eq!(order.labels, ["big", "gpu"].map(str::to_owned).into());
    t.give(std::slice::from_ref(&order));
    t.tell_made(&order);
    let name = order.machine.to_string();
    let work = the_work(&t.beat(&[(&name, None)]));
    assert_eq!(work.machine, machine(&name));
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    t.finish(&work.attempt, Outcome::Ok);
    let idle = t.live(5 * MINUTE + 5, &[(&name, None)]);
    assert_eq!(unwanted(&idle), ["it has had no work"]);
}

#[test]
fn builders_with_and_without_labels_share_a_pool_and_others_have_nothing_made() {
    let builders: [(&str, &[&str]); 4] = [
        ("plain", &[]),
        ("gpu", &GPU),
        ("tpu", &["tpu"]),
        ("both", &["gpu", "tpu"]),
    ];
    let mut t = pooled_as(&labelled(&GPU, &builders));
    let made = orders(&t.push(&[1]));
    assert_eq!(made.len(), 2);
    t.give(&made);
    let names: Vec<_> = made.iter().map(|of| (of.machine.as_str(), None)).collect();
    let work = told::<RunJob>(&t.beat(&names));
    let of: BTreeSet<_> = work.iter().map(|of| of.builder.as_str()).collect();
    assert_eq!(of, ["gpu", "plain"].into());
    assert_eq!(orders(&t.live(20, &names)), []);
}

#[test]
fn machines_with_other_labels_than_farm_toml_says_now_take_no_new_work() {
    let mut t = pooled_as(&one(&[], &[]));
    let (order, work) = t.with_machine();
    assert!(order.labels.is_empty());
    let name = order.machine.to_string();
    t.configured_as(&one(&GPU, &GPU));
    let busy = t.live(MINUTE, &[(&name, Some(&work.attempt))]);
    assert_eq!(unwanted(&busy), [""; 0], "it works");
    let effects = t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(unwanted(&effects), ["farm.toml wants other machines now"]);
    let next = the_order(&t.push(&[2, 1]));
    assert_eq!(next.labels, GPU.map(str::to_owned).into());
    // One that is still to be made is given up at once, and another is ordered.
    let effects = t.configured_as(&one(&["big", "gpu"], &GPU));
    let effects = [effects, t.live(2, &[])];
    let given_up: Vec<_> = effects.iter().flat_map(unwanted).collect();
    assert_eq!(given_up, ["farm.toml wants other machines now"]);
    let ordered: Vec<_> = effects.iter().flat_map(orders).collect();
    assert_eq!(ordered.len(), 1);
    // The same labels said in another order are the same.
    let effects = t.configured_as(&one(&["gpu", "big"], &GPU));
    let effects = [effects, t.live(2, &[])];
    assert!(effects.iter().all(|of| unwanted(of).is_empty()));
}

#[test]
fn a_build_says_which_labels_neither_a_machine_nor_its_pool_has() {
    let builders: [(&str, &[&str]); 3] = [("plain", &[]), ("gpu", &GPU), ("tpu", &["gpu", "tpu"])];
    let text = labelled(&GPU, &builders);
    let mut t = pooled_as(&text);
    let made = orders(&t.push(&[1]));
    for of in ["plain", "gpu"] {
        let why = t.why_of(of);
        assert!(why.contains("is being made in pool vms"), "{of}: {why}");
    }
    let nobody = "no machine of host type local has tpu, and pool vms makes none that has";
    assert_eq!(t.why_of("tpu"), nobody, "nothing is connected");
    t.give(&made);
    let names: Vec<_> = made.iter().map(|of| (of.machine.as_str(), None)).collect();
    t.beat(&names);
    assert_eq!(t.why_of("tpu"), nobody);
    // Somebody's own machine has that one, and not the other.
    t.labels.insert("m9".to_owned(), ["tpu".to_owned()].into());
    let all: Vec<_> = names.into_iter().chain([("m9", None)]).collect();
    t.beat(&all);
    let none_has_both =
        "no machine of host type local has gpu, tpu, and pool vms makes none that has";
    assert_eq!(t.why_of("tpu"), none_has_both);
    // As soon as the pool has both, one is made.
    t.configured_as(&text.replace(
        "labels = [\"gpu\"]\nidle",
        "labels = [\"gpu\", \"tpu\"]\nidle",
    ));
    t.live(2, &[("m9", None)]);
    let why = t.why_of("tpu");
    assert!(why.contains("is being made in pool vms"), "{why}");
}

#[test]
fn one_that_registers_without_its_labels_is_waited_for_and_then_of_no_use() {
    let mut t = pooled_as(&one(&["gpu", "big"], &GPU));
    let order = the_order(&t.push(&[1]));
    t.tell_made(&order);
    let name = order.machine.to_string();
    let bare = [(name.as_str(), None)];
    let effects = t.live(9 * MINUTE, &bare);
    assert_eq!((orders(&effects), unwanted(&effects)), (vec![], vec![]));
    // Its hub has read its record meanwhile.
    let mut late = pooled_as(&one(&["gpu", "big"], &GPU));
    let quick = the_order(&late.push(&[1]));
    late.live(9 * MINUTE, &[(quick.machine.as_str(), None)]);
    late.give(std::slice::from_ref(&quick));
    the_work(&late.beat(&[(quick.machine.as_str(), None)]));

    let effects = t.live(2 * MINUTE, &bare);
    assert_eq!(
        unwanted(&effects),
        ["it registered without labels that it was ordered with: big, gpu"]
    );
    let trouble: Vec<String> = t.farm.troubles().collect();
    assert!(
        trouble[0].contains("1 of its machines in a row were of no use"),
        "{trouble:?}"
    );
    assert_eq!(orders(&effects).len(), 1, "one more is tried");
    assert_eq!(orders(&t.live(9 * MINUTE, &bare)), []);
}
