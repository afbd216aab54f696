//! Steps that move trees, files and lists.

use farm_model::id::BlobId;
use farm_model::message::progress::{Missing, Outcome};
use farm_model::message::work::{RunJob, Step};
use farm_runtime::Clock;
use farm_wire::keys::MasterKey;

use crate::harness::{Bench, MASTER, step};

fn add(job: &mut RunJob, step: serde_json::Value) {
    job.steps.push(serde_json::from_value(step).unwrap());
}

fn keep(job: &mut RunJob, dir: &str, remove: &[&str]) {
    let step =
        serde_json::json!({ "do": "keep", "dir": dir, "remove": remove, "timeout_seconds": 60 });
    add(job, step);
}

/// A job that finds the snapshot in `src`, and no source.
fn restored(b: &Bench, number: u32, machine: &str, snapshot: &BlobId) -> RunJob {
    let mut job = b.job(number, machine);
    job.steps.clear();
    add(
        &mut job,
        serde_json::json!({ "do": "restore", "snapshot": snapshot, "into": "src" }),
    );
    job
}

/// What a job made of the source, kept.
async fn made(b: &mut Bench) -> BlobId {
    let mut job = b.job(1, "m");
    step(&mut job, "make", "echo made > made.txt");
    keep(&mut job, "src", &["src/sub"]);
    let report = b.run(&job).await;
    assert_eq!((report.outcome, report.reason.as_str()), (Outcome::Ok, ""));
    let names: Vec<_> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["make", "snapshot"]);
    report.snapshot.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_machine_kept_another_goes_on_from() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let snapshot = made(&mut b).await;
    let _other = b.machine("n").await;
    let mut job = restored(&b, 2, "n", &snapshot);
    step(&mut job, "test", "cat made.txt hello.txt && test ! -e sub");
    let report = b.run(&job).await;
    assert_eq!((report.outcome, report.reason.as_str()), (Outcome::Ok, ""));
    let names: Vec<_> = report.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["restore", "test"]);
    assert!(b.log(&job).await.contains("made\nhello from the source\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_reaches_the_hub_loads_a_snapshot_itself() {
    let mut b = Bench::with(|settings| {
        settings.pages.admin = Some("127.0.0.1:0".parse().unwrap());
        settings.snapshots.address = Some(String::new());
    })
    .await;
    let _machine = b.machine("m").await;
    let snapshot = made(&mut b).await;
    let mut job = restored(&b, 2, "m", &snapshot);
    step(&mut job, "test", "cat made.txt");
    assert_eq!(b.run(&job).await.reason, "");
    assert_eq!(
        b.metric("farm_hub_blob_requests_total{result=\"whole\"}")
            .await,
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_reach_the_hub_is_sent_its_snapshot() {
    let mut b = Bench::with(|settings| {
        // Nobody listens there.
        settings.snapshots.address = Some("127.0.0.1:9".to_owned());
    })
    .await;
    let _machine = b.machine("m").await;
    let snapshot = made(&mut b).await;
    let mut job = restored(&b, 2, "m", &snapshot);
    step(&mut job, "test", "cat made.txt");
    assert_eq!(b.run(&job).await.reason, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_gone_is_said_to_be_before_anything_begins() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let gone: BlobId = "e".repeat(64).parse().unwrap();
    let mut job = restored(&b, 1, "m", &gone);
    step(&mut job, "never", "true");
    b.offer(&job).await;
    let (reason, missing) = b.refused(&job).await;
    assert!(reason.contains("is gone"), "{reason}");
    assert_eq!(missing, Some(Missing::Snapshot));
    // The machine is free.
    let mut next = b.job(2, "m");
    step(&mut next, "test", "true");
    assert_eq!(b.run(&next).await.outcome, Outcome::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_no_archive_is_not_the_codes_fault() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let broken = b.bucket.put_blob("no archive".into()).await.unwrap();
    let mut job = restored(&b, 1, "m", &broken);
    step(&mut job, "never", "true");
    let report = b.run(&job).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert!(
        report.reason.contains("cannot be read"),
        "{}",
        report.reason
    );
    assert!(report.steps[0].name == "restore" && report.steps[0].state.starts_with("lost: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_not_the_codes_fault() {
    let mut b = Bench::with(|settings| settings.snapshots.limit = 2000).await;
    let _machine = b.machine("m").await;
    let mut large = b.job(1, "m");
    step(&mut large, "make", "head -c 100000 /dev/urandom > large");
    keep(&mut large, "src", &[]);
    let report = b.run(&large).await;
    assert_eq!((report.outcome, report.snapshot), (Outcome::Lost, None));
    assert!(
        report.reason.starts_with("cannot keep src: "),
        "{}",
        report.reason
    );
    let mut absent = b.job(2, "m");
    keep(&mut absent, "nowhere", &[]);
    let report = b.run(&absent).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert!(
        report.reason.starts_with("cannot keep nowhere: "),
        "{}",
        report.reason
    );
    let mut outside = b.job(3, "m");
    keep(&mut outside, "src", &["../etc"]);
    let report = b.run(&outside).await;
    assert!(report.reason.contains("not inside"), "{}", report.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_archives_and_variables_are_where_steps_say() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let archive = made(&mut b).await;
    let master = MasterKey::new(MASTER).unwrap();
    let expires = Clock::system().now().as_second() + 60;
    let url = hub::blob_url(&master, &b.address, &archive, "m", expires);
    let mut job = b.job(2, "m");
    add(
        &mut job,
        serde_json::json!({ "do": "fetch", "url": url, "into": "tool" }),
    );
    add(
        &mut job,
        serde_json::json!({ "do": "write", "path": "tool/bin/hello", "text": "#!/bin/sh\necho written\n", "mode": 0o755 }),
    );
    step(&mut job, "test", "hello; cat $TOOL/made.txt");
    let Some(Step::Run(command)) = job.steps.last_mut() else {
        panic!("no command")
    };
    let env = [
        ("TOOL", "$WORKDIR/tool"),
        ("PATH", "$WORKDIR/tool/bin:$PATH"),
    ];
    command
        .env
        .extend(env.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let report = b.run(&job).await;
    let log = b.log(&job).await;
    assert_eq!(report.reason, "", "{log}");
    assert!(log.contains("\nwritten\nmade\n"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_becomes_units_and_one_that_is_too_long_is_refused() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let list = |script: &str| serde_json::json!({ "do": "list", "name": "list", "argv": ["sh", "-c", script], "timeout_seconds": 60 });
    let mut job = b.job(1, "m");
    add(&mut job, list("echo a/b c; echo d"));
    let report = b.run(&job).await;
    assert_eq!(report.units, ["a/b", "c", "d"]);
    let mut long = b.job(2, "m");
    add(&mut long, list("seq 100000"));
    let report = b.run(&long).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(
        report.reason.contains("more than a report holds"),
        "{}",
        report.reason
    );
    let mut failing = b.job(3, "m");
    add(&mut failing, list("echo a; exit 2"));
    let report = b.run(&failing).await;
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Failed, "step list: exit status 2")
    );
    assert!(report.units.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_are_imported_are_put_beside_until_none_is_missing() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    // What is there already is listed with what it imports.
    let script = "echo golang.org/x/net/html; test -e ../gopath/src/golang.org/x/net && echo golang.org/x/text; true";
    let source = &job.source;
    let modules = serde_json::json!({
        "do": "modules",
        "list": { "name": "deps", "argv": ["sh", "-c", script], "timeout_seconds": 60 },
        "own": "golang.org/x/tools",
        "sources": { "golang.org/x/net": source, "golang.org/x/text": source, "golang.org/x/mod": source },
        "into": "gopath/src",
    });
    add(&mut job, modules);
    step(
        &mut job,
        "test",
        "cd ../gopath/src/golang.org/x && ls && cat text/sub/deep.txt",
    );
    let report = b.run(&job).await;
    assert_eq!(report.reason, "");
    let log = b.log(&job).await;
    assert!(log.contains("\nnet\ntext\ndeep\n"), "{log}");
    let fetched = report
        .steps
        .iter()
        .filter(|step| step.name.starts_with("source of "));
    assert_eq!(fetched.count(), 2);
}
