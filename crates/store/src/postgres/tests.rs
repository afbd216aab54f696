//! What is particular to a server.
#![cfg(unix)]

use std::sync::Barrier;

use crate::sql::Access;
use crate::testing::postgres::{Certificate, Server, secure_server, server};
use crate::testing::sample;
use crate::{Batch, Committed, InboxEntry, Keep, StateUrl, StoreError, open};

fn refusal(url: &StateUrl) -> StoreError {
    match open(url) {
        Ok(_) => panic!("opened {url}"),
        Err(error) => error,
    }
}

/// Ends every connection to the databases of cases.
fn cut(server: &Server, url: &StateUrl) {
    let name = url.to_string();
    let database = name.rsplit('/').next().unwrap();
    server.execute(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    ));
}

#[test]
fn a_broken_connection_is_told_and_made_again() {
    let Some(server) = server("a broken connection") else {
        return;
    };
    let url = server.database();
    let (mut leader, mut watcher) = (open(&url).unwrap(), open(&url).unwrap());
    let epoch = leader.load(Keep::Everything).unwrap().epoch;
    cut(server, &url);
    let error = leader.commit(epoch, &Batch::default()).unwrap_err();
    assert!(matches!(error, StoreError::Away { .. }), "{error}");
    assert!(error.may_pass());
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    // Its seat went with the connection.
    while watcher.leader().is_err() {}
    assert!(!watcher.leader().unwrap().present);
    assert!(leader.load(Keep::Everything).unwrap().epoch > epoch);
    assert!(watcher.leader().unwrap().present);
}

#[test]
fn a_server_that_is_not_there_may_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("postgres:///farm?host={}&user=f", folder.path().display());
    let error = refusal(&text.parse().unwrap());
    assert!(error.may_pass(), "{error}");
    assert!(error.to_string().contains("postgres://f@/"), "{error}");
}

#[test]
fn what_an_operator_must_mend_is_told_apart() {
    let Some(server) = server("refusals") else {
        return;
    };
    let missing = server.url("never_made").parse().unwrap();
    let error = refusal(&missing);
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("does not exist"), "{error}");

    let newer = server.database();
    drop(open(&newer).unwrap());
    raw(&newer, "UPDATE farm_schema SET version = 99");
    let error = refusal(&newer);
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error}"
    );

    let theirs = server.database();
    raw(&theirs, "CREATE TABLE theirs (a INT)");
    let error = refusal(&theirs);
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
}

fn raw(url: &StateUrl, sql: &str) {
    let StateUrl::Postgres(address) = url else {
        panic!("{url} is no server")
    };
    super::connect::client(address, Access::Full)
        .unwrap()
        .batch_execute(sql)
        .unwrap();
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let Some(server) = server("TLS") else { return };
    let text = format!("{}&sslmode=require", server.url("postgres"));
    let error = refusal(&text.parse().unwrap());
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
}

#[test]
fn a_server_is_believed_that_shows_a_certificate_of_the_given_root_and_its_own_name() {
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (own, other) = (made(), made());
    let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let shown = Certificate {
        certificate: &certificate,
        key: &key,
    };
    let Some(server) = secure_server("TLS with a certificate", shown) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("own.pem"), &certificate).unwrap();
    std::fs::write(file("other.pem"), other.cert.pem()).unwrap();
    let url = |host: &str, root: &str| -> StateUrl {
        let (port, root) = (server.port().unwrap(), file(root));
        let at = format!("{host}:{port}/postgres?hostaddr=127.0.0.1");
        let text = format!("postgres://farm@{at}&sslrootcert={}", root.display());
        text.parse().unwrap()
    };
    let good = url("localhost", "own.pem");
    let StateUrl::Postgres(address) = &good else {
        panic!("{good}")
    };
    let mut client = super::connect::client(address, Access::Full).unwrap();
    let asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert!(client.query_one(asked, &[]).unwrap().get::<_, bool>(0));
    let mut store = open(&good).unwrap();
    assert_eq!(store.load(Keep::Everything).unwrap().epoch.number(), 1);
    // Another root, and another name than the certificate's.
    for bad in [
        url("localhost", "other.pem"),
        url("elsewhere.example", "own.pem"),
    ] {
        let error = refusal(&bad);
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[test]
fn of_leaders_that_commit_at_once_only_the_newest_does() {
    let Some(server) = server("racing leaders") else {
        return;
    };
    let url = server.database();
    open(&url).unwrap();
    let barrier = Barrier::new(4);
    let answered: usize = std::thread::scope(|scope| {
        let (url, barrier) = (&url, &barrier);
        let racers: Vec<_> = (0..4)
            .map(|racer| scope.spawn(move || race(url, barrier, racer)))
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    });
    let loaded = open(&url).unwrap().load(Keep::Everything).unwrap();
    assert_eq!(loaded.inbox.len(), answered);
}

/// Takes the lead and commits until it is fenced; how many commits were answered.
fn race(url: &StateUrl, barrier: &Barrier, racer: u32) -> usize {
    let mut store = open(url).unwrap();
    barrier.wait();
    let epoch = store.load(Keep::Everything).unwrap().epoch;
    for number in 0..50 {
        let batch = Batch {
            inbox: vec![InboxEntry {
                key: format!("{racer} {number}"),
                at: sample::at(0),
            }],
            ..Batch::default()
        };
        if store.commit(epoch, &batch).unwrap() == Committed::Fenced {
            return number;
        }
    }
    50
}
