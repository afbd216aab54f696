//! The conformance suite on SQLite, and what is particular to a file.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::*;
use crate::testing::{sample, shared, single};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Durability::Fsync).unwrap()
}

fn refusal(path: &Path) -> String {
    match SqliteStore::open(path, Durability::Fsync) {
        Ok(_) => panic!("opened {}", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn conforms_in_memory() {
    single(&mut || Box::new(SqliteStore::open(Path::new("unused"), Durability::Memory).unwrap()));
    assert!(!Path::new("unused").exists());
}

#[test]
fn conforms_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        folder.path().join(format!("{number}.sqlite"))
    };
    single(&mut || Box::new(open(&fresh())));
    shared(&mut || {
        let path = fresh();
        (Box::new(open(&path)), Box::new(open(&path)))
    });
}

#[test]
fn a_file_is_synchronised_at_every_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("deep/er/state.sqlite"));
    let pragma = |name: &str| -> String {
        let sql = format!("SELECT CAST((SELECT * FROM pragma_{name}) AS TEXT)");
        store
            .connection
            .query_row(&sql, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2", "FULL");
    assert_eq!(pragma("foreign_keys"), "1");
}

#[test]
fn a_newer_schema_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    open(&path)
        .connection
        .execute("UPDATE farm_schema SET version = 99", [])
        .unwrap();
    let text = refusal(&path);
    assert!(
        text.contains("state.sqlite was written by a newer version"),
        "{text}"
    );
    assert!(text.contains("schema 99; this one knows up to 2"), "{text}");
    assert!(text.contains("install the newer version"), "{text}");
}

#[test]
fn a_database_of_the_first_schema_goes_on_with_what_is_in_it() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(concat!(
            include_str!("schema_1.sql"),
            "CREATE TABLE farm_schema (version BIGINT NOT NULL);
             INSERT INTO farm_schema (version) VALUES (1);
             INSERT INTO inbox (key, at) VALUES ('k', 1);"
        ))
        .unwrap();
    super::open::migrate(&mut connection).unwrap();
    let loaded = super::read::loaded(&connection, Epoch(1)).unwrap();
    assert_eq!((loaded.inbox, loaded.owned), (vec!["k".to_owned()], vec![]));
}

#[test]
fn somebody_elses_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text_file = folder.path().join("notes.txt");
    fs::write(&text_file, "hello, this is no database. ".repeat(50)).unwrap();
    let before = fs::read(&text_file).unwrap();
    assert!(refusal(&text_file).contains("not a farm's state"));
    assert_eq!(fs::read(&text_file).unwrap(), before);

    let other = folder.path().join("other.sqlite");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")
        .unwrap();
    let before = fs::read(&other).unwrap();
    assert!(refusal(&other).contains("not a farm's state"));
    assert_eq!(fs::read(&other).unwrap(), before);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let text = refusal(&folder.path().join("file/data/state.sqlite"));
    assert!(text.contains("file/data"), "{text}");
    assert!(text.contains("choose another data folder"), "{text}");
}

#[test]
fn a_path_that_is_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = refusal(folder.path());
    assert!(
        text.contains(&folder.path().display().to_string()),
        "{text}"
    );
    assert!(text.contains("cannot open the farm's state"), "{text}");
}

#[test]
fn a_file_that_cannot_be_written_is_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    drop(open(&path));
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mut read_only = Connection::open_with_flags(&path, flags).unwrap();
    // Root may write any file: a read-only connection is what another user's file would give.
    let error = open::migrate(&mut read_only).unwrap_err().at(&path);
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
}

#[test]
fn a_full_disk_is_told_apart_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let mut store = open(&path);
    let epoch = store.load().unwrap().epoch;
    let large = Batch {
        config: Some(crate::ConfigRecord {
            digest: "d".into(),
            source: "s".into(),
            text: "x".repeat(1 << 20),
        }),
        ..Batch::default()
    };
    // SQLite answers this limit just as it answers ENOSPC.
    let limit = |store: &SqliteStore, pages: i64| {
        let set = |_: &rusqlite::Row<'_>| Ok(());
        store
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, set)
            .unwrap();
    };
    limit(&store, 1);
    let error = store.commit(epoch, &large).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(error.may_pass());
    assert!(error.to_string().contains("no space left"), "{error}");
    limit(&store, 1 << 20);
    assert_eq!(store.commit(epoch, &large).unwrap(), Committed::Yes);
}

#[test]
fn a_damaged_record_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let mut store = open(&path);
    let epoch = store.load().unwrap().epoch;
    let build = sample::build(1);
    let batch = Batch {
        builds: vec![build.clone()],
        ..Batch::default()
    };
    assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
    store
        .connection
        .execute("UPDATE build SET body = '{}'", [])
        .unwrap();
    let text = store.load().unwrap_err().to_string();
    assert!(text.contains(build.id.as_str()), "{text}");
    assert!(text.contains("table build"), "{text}");
}

#[test]
fn a_locked_database_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let (mut store, mut other) = (open(&path), open(&path));
    let epoch = store.load().unwrap().epoch;
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    let lock = other.writing().unwrap();
    let error = store.commit(epoch, &Batch::default()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(lock);
    assert_eq!(
        store.commit(epoch, &Batch::default()).unwrap(),
        Committed::Yes
    );
}

/// The other process of the next test: commits for ever to the file named on its standard input, and says so.
#[test]
#[ignore = "started by what_was_answered_survives_kill_9"]
fn commits_for_ever() {
    let mut path = String::new();
    std::io::stdin().read_line(&mut path).unwrap();
    let mut store = open(Path::new(path.trim_end()));
    let epoch = store.load().unwrap().epoch;
    for number in 1.. {
        let build = sample::build(number);
        let batch = Batch {
            runs: vec![sample::finished(&build.id, 1)],
            builds: vec![build],
            inbox: vec![crate::InboxEntry {
                key: format!("{number}"),
                at: sample::at(number.into()),
            }],
            ..Batch::default()
        };
        assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
        println!("committed {number}");
    }
}

#[test]
fn what_was_answered_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::commits_for_ever"])
        .args(["--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", path.display()).unwrap();
    let mut answered = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let number = line.split("committed ").nth(1);
        answered = number.map_or(answered, |number| number.parse().unwrap());
        if answered == 40 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered >= 40);
    let loaded = open(&path).load().unwrap();
    // One more may be stored than was answered, and each is whole.
    assert!(loaded.inbox.len() == answered || loaded.inbox.len() == answered + 1);
    assert_eq!(loaded.builds.len(), loaded.inbox.len());
    assert_eq!(loaded.runs.len(), loaded.inbox.len());
    assert_eq!(loaded.epoch.number(), 2);
}

/// `cargo test -p farm-store --release -- --ignored --nocapture times_of`
#[test]
#[ignore = "a measurement"]
fn times_of_commit_and_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let mut store = open(&path);
    let epoch = store.load().unwrap().epoch;
    let (mut fsynced, mut number) = (Vec::new(), 0);
    while number < 100_000 {
        let builds: Vec<_> = (number..number + 200).map(sample::build).collect();
        number += 200;
        let batch = Batch {
            runs: builds
                .iter()
                .map(|build| sample::finished(&build.id, 1))
                .collect(),
            builds,
            ..Batch::default()
        };
        let start = Instant::now();
        assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
        fsynced.push(start.elapsed());
    }
    fsynced.sort();
    let start = Instant::now();
    let loaded = store.load().unwrap();
    let load = start.elapsed();
    let bytes = fs::metadata(&path).unwrap().len();
    println!(
        "commit of 200 builds + 200 runs, fsync: median {:?}, p99 {:?}; load of {} builds + {} runs: {load:?}; {} MiB",
        fsynced[fsynced.len() / 2],
        fsynced[fsynced.len() * 99 / 100],
        loaded.builds.len(),
        loaded.runs.len(),
        bytes >> 20,
    );
    store
        .connection
        .pragma_update(None, "synchronous", "off")
        .unwrap();
    let mut unsynced = Vec::new();
    for runs in loaded.runs.chunks(200).take(100) {
        let batch = Batch {
            runs: runs.to_vec(),
            ..Batch::default()
        };
        let start = Instant::now();
        assert_eq!(store.commit(loaded.epoch, &batch).unwrap(), Committed::Yes);
        unsynced.push(start.elapsed());
    }
    unsynced.sort();
    println!(
        "replacing 200 runs of 100,000, no fsync: median {:?}, worst {:?}",
        unsynced[50], unsynced[99]
    );
}
