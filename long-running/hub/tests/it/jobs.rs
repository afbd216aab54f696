//! What becomes of attempts.

use std::time::{Duration, Instant};

use farm_model::config::Clean;
use farm_model::message::progress::Outcome;

use crate::harness::{Bench, command, source, step, step_within};

#[tokio::test(flavor = "multi_thread")]
async fn steps_run_in_the_source_and_the_log_is_kept() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(
        &mut job,
        "look",
        "cat hello.txt; echo $FARM_BUILDER $FARM_REPO $FARM_BRANCH $FARM_RUN $FARM_ATTEMPT $CI",
    );
    step(
        &mut job,
        "deep",
        "cat deep.txt; echo $FROM_BUILDER $BOTH $FARM_COMMIT",
    );
    command(&mut job, 2).dir = "sub".to_owned();
    command(&mut job, 2)
        .env
        .insert("BOTH".to_owned(), "step".to_owned());
    let report = b.run(&job).await;
    assert_eq!((report.outcome, report.reason.as_str()), (Outcome::Ok, ""));
    let states: Vec<_> = report
        .steps
        .iter()
        .map(|s| (s.name.as_str(), s.state.as_str()))
        .collect();
    assert_eq!(states, [("look", "ok"), ("deep", "ok")]);
    let log = b.log(&job).await;
    assert!(
        log.contains("[farm] step look\n$ sh -c 'cat hello.txt;"),
        "{log}"
    );
    assert!(
        log.contains("hello from the source\nlinux-test sample main 1 1 true\n"),
        "{log}"
    );
    assert!(
        log.contains(&format!("deep\nb step {}\n", b.repository.commit)),
        "{log}"
    );
    assert_eq!(
        (report.log.bytes, report.log.dropped),
        (log.len() as u64, 0)
    );
    let whole = b
        .bucket
        .get_blob(&report.log.whole.unwrap(), 1 << 20)
        .await
        .unwrap();
    assert!(whole.unwrap() == log.as_bytes());
    // The machine is free again, and that has been told.
    b.told("m", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_failure_ends_it_and_is_the_codes_fault() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(
        &mut job,
        "test",
        "echo no newline at the end | tr -d '\\n'; exit 3",
    );
    step(&mut job, "never", "true");
    let report = b.run(&job).await;
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Failed, "step test: exit status 3")
    );
    assert_eq!(report.steps.len(), 1);
    let log = b.log(&job).await;
    assert!(
        log.contains("no newline at the end\n[farm] step test: exit status 3 after"),
        "{log}"
    );
    let mut missing = b.job(2, "m");
    step(&mut missing, "gone", "");
    command(&mut missing, 1).argv = vec!["no-such-program".to_owned()];
    let report = b.run(&missing).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(
        report.reason.starts_with("step gone: "),
        "{}",
        report.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_never_ends_is_killed_with_all_its_children() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let pids = b.folder.path().join("pids");
    let mut job = b.job(1, "m");
    let script = format!(
        "sleep 1000 & echo $! $$ > {0}.new; mv {0}.new {0}; echo started; wait",
        pids.display()
    );
    step_within(&mut job, "test", &script, 2);
    let report = b.run(&job).await;
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Failed, "step test: timed out after 2s")
    );
    assert_eq!(report.steps[0].state, "timed out after 2s");
    assert!(report.steps[0].milliseconds >= 2000);
    assert!(b.log(&job).await.contains("started\n"));
    let pids = std::fs::read_to_string(pids).unwrap();
    for pid in pids.split_whitespace() {
        ended(pid).await;
    }
    // The machine is as good as before.
    let mut next = b.job(2, "m");
    step(&mut next, "test", "true");
    assert_eq!(b.run(&next).await.outcome, Outcome::Ok);
}

/// Waits until there is no such process.
pub async fn ended(pid: &str) {
    let began = Instant::now();
    let stat = format!("/proc/{pid}/stat");
    // A zombie has ended; who reaps it is not our business.
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        assert!(began.elapsed() < Duration::from_secs(20), "{pid} lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_attempt_has_a_limit_too() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    job.timeout_seconds = 2;
    step(&mut job, "test", "sleep 1000");
    let report = b.run(&job).await;
    let reason = "step test: timed out after 2s, the limit of the whole attempt";
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Failed, reason)
    );
    assert_eq!(report.steps.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_of_output_are_kept_to_the_limit_in_bounded_memory() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(
        &mut job,
        "flood",
        "head -c 104857600 /dev/zero | tr '\\0' x; exit 1",
    );
    let before = peak_memory();
    let report = b.run(&job).await;
    let grown = peak_memory().saturating_sub(before);
    assert_eq!(
        (report.outcome, report.reason.as_str()),
        (Outcome::Failed, "step flood: exit status 1")
    );
    let limit = job.log_limit_bytes;
    assert!(
        report.log.bytes >= limit && report.log.bytes < limit + 1000,
        "{:?}",
        report.log
    );
    assert!(report.log.dropped > (99 << 20), "{:?}", report.log);
    let log = b.log(&job).await;
    let end = &log[log.len() - 300..];
    assert!(
        end.contains("[farm] failed after") && end.contains("more bytes of output were dropped"),
        "{end}"
    );
    assert!(report.log.whole.is_some());
    println!("peak memory grew by {grown} kB while 100 MB were printed");
    assert!(grown < 32 << 10, "{grown} kB");
}

/// The most memory this process ever had, in kB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_read_is_not_the_codes_fault() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut unknown = b.job(1, "m");
    source(&mut unknown).commit = "1234567890123456789012345678901234567890".parse().unwrap();
    step(&mut unknown, "test", "true");
    let report = b.run(&unknown).await;
    assert_eq!(report.outcome, Outcome::Lost);
    assert!(
        report
            .reason
            .starts_with("cannot read sample at 1234567890"),
        "{}",
        report.reason
    );
    let mut nowhere = b.job(2, "m");
    source(&mut nowhere).url = b.folder.path().join("nowhere").to_str().unwrap().to_owned();
    step(&mut nowhere, "test", "true");
    assert_eq!(b.run(&nowhere).await.outcome, Outcome::Lost);
}

#[tokio::test(flavor = "multi_thread")]
async fn clean_decides_what_the_next_attempt_finds() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut first = b.job(1, "m");
    step(
        &mut first,
        "leave",
        "echo x > left-in-source; echo x > ../left-beside",
    );
    b.run(&first).await;
    let mut none = b.job(2, "m");
    step(
        &mut none,
        "look",
        "test ! -e left-in-source && test -e ../left-beside",
    );
    assert_eq!(b.run(&none).await.reason, "");
    let mut wipe = b.job(3, "m");
    wipe.clean = Clean::Wipe;
    step(
        &mut wipe,
        "look",
        "test ! -e ../left-beside && test -e hello.txt",
    );
    assert_eq!(b.run(&wipe).await.reason, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_does_not_leave_the_source() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(&mut job, "out", "true");
    command(&mut job, 1).dir = "sub/../..".to_owned();
    let report = b.run(&job).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(
        report.reason.contains("inside the source"),
        "{}",
        report.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_takes_no_log_costs_the_log_and_not_the_build() {
    let mut b = Bench::start().await;
    let _machine = b.machine("m").await;
    std::fs::write(b.folder.path().join("bucket/logs"), "in the way").unwrap();
    let mut job = b.job(1, "m");
    step(&mut job, "test", "echo hello");
    let report = b.run(&job).await;
    assert_eq!(report.outcome, Outcome::Ok);
    assert!(
        report.reason.starts_with("its log is not all there"),
        "{}",
        report.reason
    );
    assert_eq!((report.log.bytes, report.log.whole), (0, None));
    assert!(report.log.dropped > 0);
}
