//! The conformance suite on every database, and what an answer is worth when its process is killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::testing::{sample, shared, single};
use crate::{
    Batch, Committed, Durability, InboxEntry, Keep, SqliteStore, StateUrl, Store, StoreError, open,
    open_for_reading,
};

/// Opens the database at `url`.
fn opened(url: &StateUrl) -> Box<dyn Store> {
    open(url).unwrap()
}

/// A new file each time.
fn files(folder: &Path) -> impl FnMut() -> StateUrl {
    let mut number = 0;
    move || {
        number += 1;
        StateUrl::Sqlite(folder.join(format!("{number}.sqlite")))
    }
}

#[test]
fn conforms_in_memory() {
    let fresh = || Box::new(SqliteStore::open(Path::new("unused"), Durability::Memory).unwrap());
    single(&mut || fresh());
    shared(&mut || {
        let first = fresh();
        let second = first.another().unwrap();
        (first, second)
    });
    assert!(!Path::new("unused").exists());
}

#[test]
fn conforms_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut fresh = files(folder.path());
    single(&mut || opened(&fresh()));
    shared(&mut || {
        let url = fresh();
        (opened(&url), opened(&url))
    });
}

/// What is at `url` is read, and stays as it is.
fn is_opened_for_reading(url: &StateUrl) {
    let Err(error) = open_for_reading(url) else {
        panic!("nothing was there")
    };
    let (read, empty) = (
        matches!(error, StoreError::Read { .. }),
        matches!(error, StoreError::Nothing { .. }),
    );
    assert!(read || empty, "{error}");
    let mut leader = opened(url);
    let epoch = leader.load(Keep::Everything).unwrap().epoch;
    let mut reader = open_for_reading(url).unwrap().another().unwrap();
    let build = sample::build(1);
    let id = build.id.clone();
    let batch = Batch {
        builds: vec![build],
        ..Batch::default()
    };
    assert_eq!(leader.commit(epoch, &batch).unwrap(), Committed::Yes);
    assert_eq!(reader.builds(&[id]).unwrap().len(), 1);
    assert!(reader.load(Keep::Everything).is_err());
    assert!(reader.commit(epoch, &batch).is_err());
    assert_eq!(reader.leader().unwrap().epoch, epoch);
}

#[test]
fn a_file_is_opened_for_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/state.sqlite");
    let url = StateUrl::Sqlite(path.clone());
    assert!(open_for_reading(&url).is_err());
    assert!(!folder.path().join("no").exists(), "{}", path.display());
    is_opened_for_reading(&url);
}

#[cfg(unix)]
#[test]
fn postgresql_is_opened_for_reading() {
    let Some(server) = crate::testing::postgres::server("reading") else {
        return;
    };
    let url = server.database();
    is_opened_for_reading(&url);
}

#[cfg(unix)]
#[test]
fn conforms_on_postgresql() {
    let Some(server) = crate::testing::postgres::server("store") else {
        return;
    };
    single(&mut || opened(&server.database()));
    shared(&mut || {
        let url = server.database();
        (opened(&url), opened(&url))
    });
}

/// The other process of the next tests: commits for ever to the address on its standard input, and says so.
#[test]
#[ignore = "started by the tests that kill it"]
fn commits_for_ever() {
    let mut url = String::new();
    std::io::stdin().read_line(&mut url).unwrap();
    let mut store = opened(&url.trim_end().parse().unwrap());
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    for number in 1.. {
        let build = sample::build(number);
        let batch = Batch {
            runs: vec![sample::finished(&build.id, 1)],
            builds: vec![build],
            inbox: vec![InboxEntry {
                key: format!("{number}"),
                at: sample::at(number.into()),
            }],
            ..Batch::default()
        };
        assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
        println!("committed {number}");
    }
}

/// Kills a process that commits to `text` after `count` answers; how many it gave in all.
fn killed_after(text: &str, count: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::commits_for_ever"])
        .args(["--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{text}").unwrap();
    let mut answered = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let number = line.split("committed ").nth(1);
        answered = number.map_or(answered, |number| number.parse().unwrap());
        if answered == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    answered
}

fn what_was_answered_survives_kill_9(mut fresh: impl FnMut() -> String) {
    // Counts without a pattern: where in a commit it dies is chance.
    for count in [1, 7, 40] {
        let text = fresh();
        let answered = killed_after(&text, count);
        assert!(answered >= count, "it died by itself after {answered}");
        let loaded = opened(&text.parse().unwrap())
            .load(Keep::Everything)
            .unwrap();
        // One more may be stored than was answered, and each is whole.
        let stored = loaded.inbox.len();
        assert!(
            stored == answered || stored == answered + 1,
            "{stored} {answered}"
        );
        assert_eq!((loaded.builds.len(), loaded.runs.len()), (stored, stored));
        assert_eq!(loaded.epoch.number(), 2);
    }
}

#[test]
fn a_file_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    what_was_answered_survives_kill_9(|| {
        number += 1;
        let path: PathBuf = folder.path().join(format!("{number}.sqlite"));
        format!("sqlite:{}", path.display())
    });
}

#[cfg(unix)]
#[test]
fn postgresql_survives_kill_9_of_its_client() {
    let Some(server) = crate::testing::postgres::server("kill -9") else {
        return;
    };
    let mut number = 0;
    what_was_answered_survives_kill_9(|| {
        number += 1;
        server.execute(&format!("CREATE DATABASE kill_{number}"));
        server.url(&format!("kill_{number}"))
    });
}
