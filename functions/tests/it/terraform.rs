//! What Terraform makes is what the farm uses: `terraform/modules/names/parts.json` against the bus, and what the module
//! says against the manifest.

mod names;

use std::collections::BTreeMap;

use farm_bus::SubscriptionSpec;
use farm_core::keep::Area;
use farm_model::event::Topic;
use serde::Deserialize;

#[derive(Deserialize)]
struct Parts {
    topics: Vec<Topic>,
    limits: Limits,
    coordinator: Part,
    hub: Part,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Limits {
    ack_deadline_seconds: u32,
    max_delivery_attempts: u32,
}

#[derive(Deserialize)]
struct Part {
    receive: BTreeMap<String, Topic>,
    publish: Vec<Topic>,
    read: Vec<String>,
    write: Vec<String>,
    remove: Vec<String>,
}

fn parts() -> Parts {
    serde_json::from_str(include_str!("../../../terraform/modules/names/parts.json")).unwrap()
}

#[test]
fn subscriptions_are_those_that_coordinator_and_hub_take() {
    let parts = parts();
    let name_and_topic = |spec: SubscriptionSpec| (spec.name, spec.topic);
    let coordinator: BTreeMap<_, _> = SubscriptionSpec::coordinator()
        .into_iter()
        .map(name_and_topic)
        .collect();
    assert_eq!(parts.coordinator.receive, coordinator);

    let spec = SubscriptionSpec::hub(&"h7".parse().unwrap());
    let [(name, topic)] = parts
        .hub
        .receive
        .into_iter()
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!((name.replace("{hub}", "h7"), topic), name_and_topic(spec));
}

#[test]
fn every_subscription_has_the_limits_that_the_bus_gives() {
    let parts = parts();
    for spec in SubscriptionSpec::coordinator() {
        let limits = Limits {
            ack_deadline_seconds: spec.ack_deadline_seconds,
            max_delivery_attempts: spec.max_delivery_attempts,
        };
        assert_eq!(parts.limits, limits, "{}", spec.name);
    }
}

#[test]
fn all_topics_are_made_and_only_known_ones_published_to() {
    let parts = parts();
    let names = |topics: &[Topic]| {
        let mut names: Vec<_> = topics.iter().map(|topic| topic.name()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&parts.topics), names(&Topic::ALL));
    // The trust boundaries of the topics: work and results are the coordinator's alone.
    assert_eq!(names(&parts.hub.publish), ["progress"]);
    assert_eq!(
        names(&parts.coordinator.publish),
        ["activity", "progress", "results", "work"]
    );
}

#[test]
fn prefixes_end_where_a_folder_does_and_what_is_removed_may_be_written_or_is_swept() {
    let parts = parts();
    // What others have written and the coordinator removes when it is old, it finds by its age, and so lists.
    let swept = Area::ALL.map(|area| format!("{}/", area.prefix()));
    let has = |prefixes: &[String], of: &String| prefixes.contains(of);
    let Part { read, remove, .. } = &parts.coordinator;
    assert!(swept.iter().all(|of| has(remove, of) && has(read, of)));
    for (part, may_sweep) in [(parts.coordinator, true), (parts.hub, false)] {
        for prefix in part.read.iter().chain(&part.write).chain(&part.remove) {
            assert!(prefix.ends_with('/') && prefix.len() > 1, "{prefix}");
        }
        let writes = |of: &String| has(&part.write, of);
        let sweeps = |of: &String| may_sweep && has(&swept, of);
        let mut removed = part.remove.iter();
        assert!(removed.all(|of| writes(of) || sweeps(of)));
    }
}

#[test]
fn rights_on_machines_are_by_the_tag_that_machines_are_made_with() {
    let pools = include_str!("../../../terraform/aws/pools.tf");
    let tag = format!("pool_tag = {:?}\n", farm_pool::FARM);
    assert!(pools.contains(&tag), "{tag}");
}
