//! The cases. Each starts with an empty database.

mod bounds;
mod leaders;
mod records;
mod series;

use farm_model::Timestamp;
use farm_model::kept::{Kept, KeptKey};

use self::bounds::{atomic, bounded_forgetting, large, odd_text, usable_after_error};
use self::leaders::{
    fenced_after_reload, handover, renewing, second_fences_first, succeeding, unknown_epoch,
    watching,
};
use self::records::{
    config, dirty, empty, everything_comes_back, idempotent, inbox, kept, numbers, outbox,
    owned_machines, upserts, views,
};
use self::series::{decisions, feed, finding, history, keeping, walking};
use super::accepted;
use super::sample::{
    at, branch, build, commit_info, fed, finished, numbered, ordered, outgoing, owned, pause, run,
    transition,
};
use crate::{
    Batch, Committed, ConfigRecord, Decision, Epoch, FORGET_AT_ONCE, InboxEntry, Keep, Loaded,
    RunMark, Store, ViewVersion, Which,
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
    ("all runs are walked through in portions", walking),
    ("commits are found by their numbers", numbers),
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

fn full() -> Batch {
    Batch {
        branches: vec![branch("main", 7), branch("dev", 9)],
        numbers: vec![numbered(0, &[7], 1)],
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

fn change(kept: &Kept) -> (KeptKey, Option<Kept>) {
    (kept.key(), Some(kept.clone()))
}

fn sorted_runs(mut runs: Vec<farm_model::record::Run>) -> Vec<farm_model::record::Run> {
    runs.sort_by_key(|run| (run.build.clone(), run.number));
    runs
}
