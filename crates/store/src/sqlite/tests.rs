//! What is particular to a file.

use std::fs;
use std::sync::MutexGuard;
use std::time::Duration;

use super::*;
use crate::testing::sample;
use crate::{Batch, Committed, InboxEntry, Keep};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Durability::Fsync).unwrap()
}

fn raw(store: &SqliteStore) -> MutexGuard<'_, Connection> {
    store.connection.lock().unwrap()
}

fn refusal(path: &Path) -> String {
    match SqliteStore::open(path, Durability::Fsync) {
        Ok(_) => panic!("opened {}", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_is_synchronised_at_every_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("deep/er/state.sqlite"));
    let pragma = |name: &str| -> String {
        let sql = format!("SELECT CAST((SELECT * FROM pragma_{name}) AS TEXT)");
        raw(&store).query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal");
    assert_eq!(pragma("synchronous"), "2", "FULL");
    assert_eq!(pragma("foreign_keys"), "1");
}

#[test]
fn a_newer_schema_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    raw(&open(&path))
        .execute("UPDATE farm_schema SET version = 99", [])
        .unwrap();
    let text = refusal(&path);
    assert!(
        text.contains("state.sqlite was written by a newer version"),
        "{text}"
    );
    assert!(text.contains("schema 99; this one knows up to 4"), "{text}");
    assert!(text.contains("install the newer version"), "{text}");
}

#[test]
fn another_schema_is_not_read_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    for (version, text) in [(2, "older version"), (99, "newer version")] {
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "DROP TABLE IF EXISTS farm_schema;
                 CREATE TABLE farm_schema (version BIGINT NOT NULL);
                 INSERT INTO farm_schema (version) VALUES ({version});"
            ))
            .unwrap();
        drop(connection);
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open_for_reading(&path).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_database_of_the_first_schema_goes_on_with_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    Connection::open(&path)
        .unwrap()
        .execute_batch(concat!(
            include_str!("../sql/schema_1.sql"),
            "CREATE TABLE farm_schema (version BIGINT NOT NULL);
             INSERT INTO farm_schema (version) VALUES (1);
             INSERT INTO inbox (key, at) VALUES ('k', 1);"
        ))
        .unwrap();
    let loaded = open(&path).load(Keep::Everything).unwrap();
    let used = InboxEntry {
        key: "k".to_owned(),
        at: farm_model::Timestamp::from_nanosecond(1).unwrap(),
    };
    assert_eq!((loaded.inbox, loaded.owned), (vec![used], vec![]));
}

#[test]
fn processes_that_start_together_make_one_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(&path));
        }
    });
    let loaded = open(&path).load(Keep::Everything).unwrap();
    assert_eq!(loaded.epoch.number(), 1);
}

#[test]
fn the_seat_leaves_one_file_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    for _ in 0..3 {
        open(&path).load(Keep::Everything).unwrap();
    }
    let names = fs::read_dir(folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let seats: Vec<_> = names.filter(|name| name.contains("leader")).collect();
    assert_eq!(seats, ["state.sqlite-leader-3"]);
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
    let error = open::migrate(&mut read_only).unwrap_err().at(name(&path));
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
}

#[test]
fn a_full_disk_is_told_apart_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let mut store = open(&path);
    let epoch = store.load(Keep::Everything).unwrap().epoch;
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
        raw(store)
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
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    let build = sample::build(1);
    let batch = Batch {
        builds: vec![build.clone()],
        ..Batch::default()
    };
    assert_eq!(store.commit(epoch, &batch).unwrap(), Committed::Yes);
    raw(&store)
        .execute("UPDATE build SET body = '{}'", [])
        .unwrap();
    let text = store.load(Keep::Everything).unwrap_err().to_string();
    assert!(text.contains(build.id.as_str()), "{text}");
    assert!(text.contains("table build"), "{text}");
}

#[test]
fn a_locked_database_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.sqlite");
    let mut store = open(&path);
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    raw(&store).busy_timeout(Duration::ZERO).unwrap();
    let other = open(&path);
    let mut connection = raw(&other);
    let lock = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .unwrap();
    let error = store.commit(epoch, &Batch::default()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    drop(lock);
    assert_eq!(
        store.commit(epoch, &Batch::default()).unwrap(),
        Committed::Yes
    );
}
