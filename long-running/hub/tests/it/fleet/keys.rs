//! Keys that are taken back.

use std::time::Duration;

use farm_bucket::Bucket;
use farm_model::Timestamp;
use farm_model::machine::{MachineRecord, Once};
use farm_model::message::progress::Outcome;
use farm_wire::keys::key_id;
use hub::LedgerSettings;

use crate::harness::{Bench, PATIENCE, step};

async fn bench() -> Bench {
    Bench::with(|settings| {
        settings.ledger = LedgerSettings {
            required: true,
            period: Duration::from_millis(50),
        };
    })
    .await
}

/// Records the machine with the key that it is going to be given.
async fn record(b: &Bench, name: &str, key: &str, revoked_at: Option<Timestamp>) {
    let at = Timestamp::UNIX_EPOCH;
    let record = MachineRecord {
        name: name.parse().unwrap(),
        host_type: "host-test".parse().unwrap(),
        owner: Some("gopher@example.org".to_owned()),
        labels: ["gpu", "disk=fast"].map(str::to_owned).into(),
        key_id: key_id(key),
        next_key_id: None,
        created: at,
        issued: at,
        expires: at,
        revoked_at,
        once: None,
    };
    let bucket: &Bucket = &b.bucket;
    let known = bucket.get_machine(&record.name).await.unwrap();
    bucket.put_machine(&record, known.as_ref()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_machine_is_cut_off_in_the_middle_of_its_work_and_not_let_in_again() {
    let mut b = bench().await;
    let key = b.key("m");
    record(&b, "m", &key, None).await;
    let _machine = b.machine("m").await;
    let report = b.report_of("m").await;
    assert_eq!(report.owner.as_deref(), Some("gopher@example.org"));
    assert!(report.labels.iter().eq(["disk=fast", "gpu"]));
    let mut job = b.job(1, "m");
    step(&mut job, "wait", "sleep 1000");
    b.offer(&job).await;
    b.step_started(&job, "wait").await;
    record(&b, "m", &key, Some(Timestamp::UNIX_EPOCH)).await;
    assert!(b.gone("m").await.contains("revoked"));
    assert_eq!(b.report(&job).await.outcome, Outcome::Lost);
    b.status(|status| status.registrations_refused > 0).await;
    assert_eq!(b.status.borrow().machines, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_owner_are_told_as_the_record_has_them_now() {
    let mut b = bench().await;
    // No key that the hub renews at once: that writes the record, too.
    let key = b.key_for("m", 90 * 86_400);
    record(&b, "m", &key, None).await;
    let work_dir = b.folder.path().join("work-m");
    let _machine = crate::machine::Connection::with_key(&b, "m", &work_dir, &key);
    b.report_of("m").await;
    let known = b.bucket.get_machine(&"m".parse().unwrap()).await.unwrap();
    let known = known.unwrap();
    let mut record = known.record.clone();
    record.labels = ["arm".to_owned()].into();
    record.owner = None;
    b.bucket.put_machine(&record, Some(&known)).await.unwrap();
    let told = async {
        loop {
            let report = b.report_of("m").await;
            if report.labels.iter().eq(["arm"]) && report.owner.is_none() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_without_a_record_is_refused_where_records_are_required() {
    let mut b = bench().await;
    let work_dir = b.folder.path().join("work-m");
    let _machine = crate::machine::Connection::start(&b, "m", &work_dir);
    b.status(|status| status.registrations_refused > 0).await;
    assert_eq!(b.status.borrow().machines, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_another_key_is_another_one() {
    let mut b = Bench::start().await;
    let mut identities = Vec::new();
    // Far from their ends: the hub would send the machine another, which it writes to the file that it reads next time.
    let year = 365 * 86_400;
    let (one, another) = (b.key_for("m", year), b.key_for("m", 2 * year));
    for key in [&one, &one, &another] {
        let work_dir = b.folder.path().join("work-m");
        let machine = crate::machine::Connection::with_key(&b, "m", &work_dir, key);
        identities.push(b.report_of("m").await.identity.unwrap());
        machine.cut();
        b.gone("m").await;
    }
    assert_eq!(identities[0].len(), 16);
    assert_eq!(identities[0], identities[1]);
    assert_ne!(identities[1], identities[2]);
}

/// The machine's key file, once it holds another key than `key`.
async fn next_key(b: &mut Bench, name: &str, key: &str) -> String {
    let file = b.folder.path().join(format!("{name}.key"));
    let changed = async {
        loop {
            let now = std::fs::read_to_string(&file).unwrap();
            if now.trim() != key {
                return now.trim().to_owned();
            }
            b.report_of(name).await;
        }
    };
    tokio::time::timeout(PATIENCE, changed).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_goes_on_with_the_key_of_a_hub_is_the_same_one() {
    let mut b = bench().await;
    // It ends soon: the hub sends another at once.
    let key = b.key("m");
    record(&b, "m", &key, None).await;
    let work_dir = b.folder.path().join("work-m");
    let machine = crate::machine::Connection::with_key(&b, "m", &work_dir, &key);
    let first = b.report_of("m").await.identity;
    let next = next_key(&mut b, "m", &key).await;
    machine.cut();
    b.gone("m").await;
    let machine = crate::machine::Connection::with_key(&b, "m", &work_dir, &next);
    assert_eq!(b.report_of("m").await.identity, first);
    machine.cut();
    b.gone("m").await;
    // Its operator gives it one: whoever has that may be somebody else. It ends at another second than the hub's.
    let another = b.key_for("m", 2 * 365 * 86_400);
    let known = b.bucket.get_machine(&"m".parse().unwrap()).await.unwrap();
    let known = known.unwrap();
    let given = MachineRecord {
        key_id: key_id(&another),
        next_key_id: None,
        issued: Timestamp::from_second(1_000).unwrap(),
        ..known.record.clone()
    };
    b.bucket.put_machine(&given, Some(&known)).await.unwrap();
    let _machine = crate::machine::Connection::with_key(&b, "m", &work_dir, &another);
    assert_ne!(b.report_of("m").await.identity, first);
}

/// Records a machine that a pool makes, with the key that it is going to boot with.
async fn made(b: &Bench, name: &str, key: &str) {
    record(b, name, key, None).await;
    let name = name.parse().unwrap();
    let known = b.bucket.get_machine(&name).await.unwrap().unwrap();
    let record = MachineRecord {
        once: Some(Once {
            until: Timestamp::MAX,
            used_at: None,
        }),
        ..known.record.clone()
    };
    let bucket: &Bucket = &b.bucket;
    bucket.put_machine(&record, Some(&known)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_good_once_is_changed_for_another_and_refused_from_then_on() {
    let mut b = bench().await;
    let key = b.key_for("m", 1800);
    made(&b, "m", &key).await;
    let work_dir = b.folder.path().join("work-m");
    let machine = crate::machine::Connection::with_key(&b, "m", &work_dir, &key);
    let first = b.report_of("m").await.identity;
    let next = next_key(&mut b, "m", &key).await;
    assert!(b.key_ends("m", &next).unwrap() > 4_000_000_000);
    machine.cut();
    b.gone("m").await;
    let again = crate::machine::Connection::with_key(&b, "m", &work_dir, &key);
    b.status(|status| status.registrations_refused > 0).await;
    assert_eq!(b.status.borrow().machines, 0);
    again.cut();
    let _machine = crate::machine::Connection::with_key(&b, "m", &work_dir, &next);
    assert_eq!(
        b.report_of("m").await.identity,
        first,
        "it is the same machine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_good_once_has_no_grace() {
    let mut b = Bench::start().await;
    let late = b.key_for("m", -10);
    let work_dir = b.folder.path().join("work-m");
    // One of an operator's machine has.
    record(&b, "m", &late, None).await;
    let machine = crate::machine::Connection::with_key(&b, "m", &work_dir, &late);
    b.report_of("m").await;
    machine.cut();
    b.gone("m").await;
    let late = b.key_for("n", -10);
    made(&b, "n", &late).await;
    let work_dir = b.folder.path().join("work-n");
    let _machine = crate::machine::Connection::with_key(&b, "n", &work_dir, &late);
    b.status(|status| status.registrations_refused > 0).await;
    assert_eq!(b.status.borrow().machines, 0);
}
