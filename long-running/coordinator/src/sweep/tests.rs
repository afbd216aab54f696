use std::path::Path;

use farm_bucket::Claim;
use farm_model::id::{AttemptKey, BlobId, DeliveryId, LogHash};
use farm_model::kept::{Kept, Snapshot, Trust};
use farm_model::record::{AttemptState, Run};
use farm_store::testing::sample::{build, commit, finished};
use farm_store::{Batch, Committed, Durability, Epoch, Keep, SqliteStore};
use futures::TryStreamExt;
use tempfile::TempDir;

use super::look::STEP;
use super::*;

/// A farm's bucket and state, a clock that is moved, and who leads.
struct Room {
    bucket: Bucket,
    store: Box<dyn Store>,
    epoch: Epoch,
    clock: Clock,
    board: Board,
    counts: Counts,
    keep: KeepDays,
    _folder: TempDir,
}

impl Room {
    /// In a folder, or else in memory.
    fn new(in_folder: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = match in_folder {
            true => farm_bucket::folder_url(&folder.path().join("bucket")).unwrap(),
            false => "memory:".to_owned(),
        };
        let mut store = SqliteStore::open("unused".as_ref(), Durability::Memory).unwrap();
        let epoch = store.load(Keep::Everything).unwrap().epoch;
        // What is written now has the age of the system's clock.
        let clock = Clock::manual(Clock::system().now());
        Self {
            bucket: Bucket::open(&url).unwrap(),
            store: Box::new(store),
            epoch,
            board: Board::new(clock.clone()),
            clock,
            counts: Counts::default(),
            keep: KeepDays {
                history: 100,
                ..KeepDays::default()
            },
            _folder: folder,
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self._folder.path().join("bucket")
    }

    fn leads(&self) -> Sweep {
        let leadership = Leadership::new(Handle::new(self.store.another().unwrap()), self.epoch);
        Sweep::new(Parts {
            bucket: self.bucket.clone(),
            store: self.store.another().unwrap(),
            leadership,
            clock: self.clock.clone(),
            keep: self.keep,
            board: self.board.clone(),
            counts: self.counts.clone(),
        })
    }

    fn in_days(&self, days: i64) -> Timestamp {
        self.clock.now() + SignedDuration::from_hours(24 * days)
    }

    fn days_go_by(&self, days: i64) {
        self.clock.advance(SignedDuration::from_hours(24 * days));
    }

    fn commit(&mut self, batch: Batch) {
        let committed = self.store.commit(self.epoch, &batch).unwrap();
        assert_eq!(committed, Committed::Yes);
    }

    async fn blob(&self, text: &'static str) -> BlobId {
        self.bucket.put_blob(text.into()).await.unwrap()
    }

    async fn there(&self, area: &str) -> Vec<String> {
        let walk = self.bucket.walk(area).unwrap();
        let found: Vec<Found> = walk.try_collect().await.unwrap();
        let mut names: Vec<String> = found.iter().map(|of| of.name().to_owned()).collect();
        names.sort();
        names
    }

    async fn everything(&self) -> Vec<Vec<String>> {
        let mut all = Vec::new();
        for area in Area::ALL {
            all.push(self.there(area.prefix()).await);
        }
        all
    }

    /// What a sweep would remove, as somebody finds who does not lead.
    async fn dry_run(&self) -> Vec<(Area, Looked)> {
        let (store, mut told) = (self.store.another().unwrap(), Vec::new());
        let tell = |area, objects| told.push((area, objects));
        let prospects = dry_run(store, &self.bucket, self.keep, &self.clock, tell).await;
        let looked = prospects
            .into_iter()
            .map(|of| (of.area, of.looked.unwrap()));
        let looked: Vec<(Area, Looked)> = looked.collect();
        // Of each part, what was told last is all of it.
        let told: BTreeMap<Area, u64> = told.into_iter().collect();
        for (area, looked) in &looked {
            let last = told.get(area).copied().unwrap_or_default();
            assert_eq!(last, looked.there.objects, "{area:?}");
        }
        looked
    }

    /// A run of a build of its own, that tells of these blobs, over at `over`.
    fn run(&self, number: u32, blobs: [&BlobId; 3], over: Option<Timestamp>) -> Run {
        let mut run = finished(&build(number).id, 1);
        let [whole, tests, snapshot] = blobs;
        let AttemptState::Finished { report, .. } = &mut run.jobs[0].attempts[0].state else {
            panic!("its attempt has a report");
        };
        report.log.whole = Some(whole.clone());
        report.tests_whole = Some(tests.clone());
        report.snapshot = Some(snapshot.clone());
        run.verdict = run.verdict.take().zip(over).map(|(mut verdict, at)| {
            verdict.at = at;
            verdict
        });
        run
    }
}

fn snapshot(blob: &BlobId, at: Timestamp) -> (farm_model::kept::KeptKey, Option<Kept>) {
    let kept = Kept::Snapshot(Snapshot {
        builder: "linux-test".parse().unwrap(),
        repo: "sample".parse().unwrap(),
        commit: commit(1),
        trust: Trust::PostSubmit,
        blob: blob.clone(),
        at,
    });
    (kept.key(), Some(kept))
}

async fn round(sweep: &mut Sweep) {
    assert_eq!(sweep.round().await, Ok(None));
}

fn names(blobs: &[&BlobId]) -> Vec<String> {
    let mut names: Vec<String> = blobs.iter().map(|blob| blob.to_string()).collect();
    names.sort();
    names
}

/// Builds and runs of three kinds: long over, over lately, open; and the newest snapshot.
async fn lived_in(room: &mut Room) -> Vec<BlobId> {
    let old = [room.blob("old log").await, room.blob("old tests").await];
    let late = [room.blob("late log").await, room.blob("late tests").await];
    let open = [room.blob("open log").await, room.blob("open tests").await];
    let made = room.blob("open snapshot").await;
    let unused = room.blob("snapshot of a run that is over").await;
    let newest = room.blob("newest snapshot").await;
    room.blob("nobody's").await;
    let runs = vec![
        room.run(1, [&old[0], &old[1], &unused], Some(room.in_days(1))),
        room.run(2, [&late[0], &late[1], &unused], Some(room.in_days(190))),
        room.run(3, [&open[0], &open[1], &made], None),
    ];
    let batch = Batch {
        builds: (1..4).map(build).collect(),
        runs,
        kept: vec![snapshot(&newest, room.clock.now())],
        ..Batch::default()
    };
    room.commit(batch);
    late.into_iter().chain(open).chain([made, newest]).collect()
}

/// Logs, webhooks, history and claims of several days; the hash of the log.
async fn told_of(room: &Room) -> LogHash {
    let (bucket, start) = (&room.bucket, room.clock.now());
    let attempt: AttemptKey = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
    let hash: LogHash = "a".repeat(40).parse().unwrap();
    let delivery: DeliveryId = "d".repeat(64).parse().unwrap();
    bucket
        .put_log_chunk(&attempt, 0, "a log".into())
        .await
        .unwrap();
    bucket.put_log_hash(&hash, &attempt).await.unwrap();
    for at in [start, room.in_days(199)] {
        let put = bucket.put_delivery("github", at, &delivery, None, "x".into());
        put.await.unwrap();
    }
    for at in [start, room.in_days(5)] {
        bucket.put_history(at, "{}\n".into()).await.unwrap();
        bucket.put_checkpoint(at, "{}".into()).await.unwrap();
    }
    let until = room.in_days(1);
    let Claim::Ours(claimed) = bucket.claim("k", start, until).await.unwrap() else {
        panic!("it is the first claim");
    };
    bucket.confirm(&claimed, start).await.unwrap();
    hash
}

async fn two_hundred_days(mut room: Room) {
    let wanted = lived_in(&mut room).await;
    let bucket = room.bucket.clone();
    let (start, day_5) = (room.clock.now(), room.in_days(5));
    let hash = told_of(&room).await;

    let mut sweep = room.leads();
    let before = room.everything().await;
    room.days_go_by(20);
    round(&mut sweep).await;
    assert_eq!(room.everything().await, before, "nothing is old enough");
    room.days_go_by(20);
    round(&mut sweep).await;
    assert_eq!(room.there("said").await.len(), 0);
    assert_eq!(room.there("deliveries").await.len(), 1);
    assert_eq!(room.there("logs").await.len(), 2);

    room.days_go_by(160);
    round(&mut sweep).await;
    let wanted: Vec<&BlobId> = wanted.iter().collect();
    assert_eq!(room.there("blobs").await, names(&wanted));
    for blob in wanted {
        assert!(bucket.get_blob(blob, 100).await.unwrap().is_some());
    }
    assert!(room.there("logs").await.is_empty());
    assert_eq!(bucket.log_by_hash(&hash).await.unwrap(), None);
    // Moments after the newest checkpoint before the limit can be shown; earlier ones cannot.
    assert_eq!(room.there("history").await.len(), 2);
    assert!(bucket.get_history(day_5).await.unwrap().is_some());
    assert!(
        bucket
            .get_checkpoint(room.in_days(-150))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(bucket.get_checkpoint(start).await.unwrap(), None);

    let status = room.board.view().coordinator.sweep.unwrap();
    let logs = status.areas.iter().find(|of| of.area == "logs").unwrap();
    assert_eq!((logs.objects, status.at), (2, room.clock.now()));
    assert_eq!(status.error, None);
}

#[tokio::test]
async fn two_hundred_days_later_what_nobody_wants_is_gone_and_the_rest_reads_in_a_folder() {
    two_hundred_days(Room::new(true)).await;
}

#[tokio::test]
async fn two_hundred_days_later_what_nobody_wants_is_gone_and_the_rest_reads_in_memory() {
    two_hundred_days(Room::new(false)).await;
}

/// Whatever a dry run says is what a sweep then does, and nothing has gone by saying it.
async fn said_and_done(mut room: Room) {
    lived_in(&mut room).await;
    told_of(&room).await;
    orphans(&room, 40).await;
    let mut gone = BTreeMap::<Area, Tally>::new();
    for days in [20, 20, 160] {
        room.days_go_by(days);
        let before = room.everything().await;
        let said = room.dry_run().await;
        assert_eq!(room.everything().await, before);
        let mut sweep = room.leads();
        for (area, said) in said {
            let done = sweep.look.through(area, &mut sweep.remover).await.unwrap();
            assert_eq!(said.old, done.removed, "{area:?}");
            assert_eq!(said.removed, Tally::default());
            let done = Looked {
                removed: said.removed,
                ..done
            };
            assert_eq!(said, done, "{area:?}");
            *gone.entry(area).or_default() += said.old;
            let left = room.there(area.prefix()).await.len() as u64;
            assert_eq!(said.there.objects - said.old.objects, left);
        }
    }
    let gone = |area| gone[&area].objects;
    // Two logs of runs that stay, and four blobs of others.
    assert_eq!(gone(Area::Blobs), 40 + 10 - 6);
    assert_eq!((gone(Area::Logs), gone(Area::Said)), (2, 2));
    assert_eq!((gone(Area::Deliveries), gone(Area::History)), (1, 2));
}

#[tokio::test]
async fn what_a_dry_run_says_is_what_a_sweep_then_removes_in_a_folder() {
    said_and_done(Room::new(true)).await;
}

#[tokio::test]
async fn what_a_dry_run_says_is_what_a_sweep_then_removes_in_memory() {
    said_and_done(Room::new(false)).await;
}

#[tokio::test]
async fn what_is_kept_for_ever_is_not_looked_at_and_the_oldest_that_stays_is_known() {
    let mut room = Room::new(true);
    room.keep.said = 0;
    told_of(&room).await;
    let late = room.in_days(199);
    room.days_go_by(200);
    let said: BTreeMap<Area, Looked> = room.dry_run().await.into_iter().collect();
    assert_eq!(said[&Area::Said], Looked::default());
    let oldest = said[&Area::Deliveries].oldest.unwrap();
    assert!(oldest >= late && oldest < late + SignedDuration::from_hours(1));
    assert_eq!(said[&Area::Logs].oldest, None, "all of them go");
}

/// Orphans, each of a content of its own, beside what is wanted.
async fn orphans(room: &Room, count: u32) {
    for number in 0..count {
        let put = room.bucket.put_blob(number.to_string().into());
        put.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_killed_in_the_middle_ends_as_any_other() {
    let mut room = Room::new(false);
    let wanted = lived_in(&mut room).await;
    orphans(&room, 3000).await;
    room.days_go_by(200);
    let mut killed = room.leads();
    let all = room.there("blobs").await.len();
    // It rests after its first step of blobs: that is where it is cut off.
    let cut = tokio::time::timeout(PAUSE / 2, killed.round()).await;
    assert!(cut.is_err());
    drop(killed);
    let left = room.there("blobs").await.len();
    assert!(left < all && left > wanted.len(), "{left} of {all}");
    let wanted: Vec<&BlobId> = wanted.iter().collect();
    round(&mut room.leads()).await;
    assert_eq!(room.there("blobs").await, names(&wanted));
}

#[tokio::test]
async fn a_leader_that_was_deposed_removes_nothing() {
    let room = Room::new(true);
    orphans(&room, 3).await;
    room.days_go_by(200);
    let mut old = room.leads();
    let mut next = room.store.another().unwrap();
    let epoch = next.load(Keep::Everything).unwrap().epoch;
    assert_eq!(old.round().await, Err(Fenced));
    assert_eq!(room.there("blobs").await.len(), 3);
    let mut new = Room { epoch, ..room }.leads();
    round(&mut new).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_deposed_in_the_middle_goes_no_further() {
    let room = Room::new(false);
    orphans(&room, 3000).await;
    room.days_go_by(200);
    let mut old = room.leads();
    let mut sweeping = std::pin::pin!(old.round());
    let first = tokio::time::timeout(PAUSE / 2, &mut sweeping).await;
    assert!(first.is_err(), "it rests after its first step");
    let mut next = room.store.another().unwrap();
    next.load(Keep::Everything).unwrap();
    assert_eq!(sweeping.await, Err(Fenced));
    assert_eq!(room.there("blobs").await.len(), 2000);
}

#[tokio::test]
async fn a_blob_that_is_stored_again_meanwhile_stays() {
    let room = Room::new(true);
    let blob = room.blob("the same again").await;
    let path = room.path().join("blobs").join(blob.as_str());
    let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(old).unwrap();
    let found: Vec<Found> = room
        .bucket
        .walk("blobs")
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    // A hub stores it between the look and the removal.
    room.blob("the same again").await;
    let removed = room.leads().remover.remove(Area::Blobs, found).await;
    assert_eq!(removed.unwrap(), Tally::default());
    assert!(room.bucket.has_blob(&blob).await.unwrap());
}

#[tokio::test]
async fn what_breaks_off_in_one_part_of_the_bucket_does_not_hold_up_the_others() {
    let room = Room::new(true);
    let attempt: AttemptKey = format!("{}/1/steps/1", "b".repeat(32)).parse().unwrap();
    let put = room.bucket.put_log_chunk(&attempt, 0, "x".into());
    put.await.unwrap();
    orphans(&room, 1).await;
    // A folder that lies in itself cannot be listed.
    let blobs = room.path().join("blobs");
    std::os::unix::fs::symlink(&blobs, blobs.join("again")).unwrap();
    room.days_go_by(200);
    let store = room.store.another().unwrap();
    let prospects = dry_run(store, &room.bucket, room.keep, &room.clock, |_, _| ()).await;
    let failing = prospects.iter().filter(|of| of.looked.is_err());
    let failing: Vec<Area> = failing.map(|of| of.area).collect();
    assert_eq!(failing, [Area::Blobs]);
    let failed = room.leads().round().await.unwrap().unwrap();
    assert!(failed.starts_with("blobs/: "), "{failed}");
    assert!(room.there("logs").await.is_empty());
    let shown = room.board.view().coordinator.sweep.unwrap();
    assert_eq!(shown.error, Some(failed.clone()));

    let (inputs, mut received) = mpsc::channel(8);
    let mut trouble = Trouble::new(inputs);
    for error in [None, Some(failed.clone()), Some(failed), None, None] {
        trouble.is(error).await;
    }
    drop(trouble);
    let mut told = Vec::new();
    while let Some(input) = received.recv().await {
        told.extend(input.facts);
    }
    let told = told.iter().map(|fact| match fact {
        farm_core::Fact::Trouble { text, .. } => text.is_some(),
        other => panic!("{other:?}"),
    });
    assert_eq!(told.collect::<Vec<_>>(), [true, false]);
}

/// Peak of this process's memory, in bytes, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}

/// As a hub would have left them, but for their content.
fn many(blobs: &Path, count: u32) {
    std::fs::create_dir_all(blobs).unwrap();
    for number in 0..count {
        // Digests are spread evenly.
        let head = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        std::fs::write(blobs.join(format!("{head:016x}{number:048x}")), "").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_blobs_go_in_steps_and_are_never_held_at_once() {
    const COUNT: u32 = 100_000;
    let mut room = Room::new(true);
    let wanted = lived_in(&mut room).await;
    let blobs = room.path().join("blobs");
    tokio::task::spawn_blocking(move || many(&blobs, COUNT))
        .await
        .unwrap();
    room.days_go_by(200);
    let before = peak();
    let mut sweep = room.leads();
    let looked = sweep.look.through(Area::Blobs, &mut sweep.remover).await;
    let looked = looked.unwrap();
    let objects = looked.there.objects;
    assert_eq!(objects, u64::from(COUNT) + 10);
    assert_eq!(looked.removed.objects, objects - wanted.len() as u64);
    assert_eq!(looked.steps, objects.div_ceil(STEP as u64));
    if let (Some(before), Some(after)) = (before, peak()) {
        let more = (after - before) >> 20;
        assert!(more < 32, "it took {more} MiB");
    }
    // So large a part is not looked through again within the hour.
    assert!(!sweep.rests(Area::Blobs));
    sweep.has_looked(Area::Blobs, looked);
    assert!(sweep.rests(Area::Blobs));
    room.clock.advance(SignedDuration::from_hours(2));
    assert!(!sweep.rests(Area::Blobs));
}
