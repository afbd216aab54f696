use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::*;

struct Bench {
    bucket: Bucket,
    ledger: Arc<Ledger>,
    folder: tempfile::TempDir,
    _sweep: JoinSet<()>,
}

fn bench(required: bool) -> Bench {
    with_period(required, Duration::from_millis(20))
}

fn with_period(required: bool, period: Duration) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let url = farm_bucket::folder_url(&folder.path().join("bucket")).unwrap();
    let bucket = Bucket::open(&url).unwrap();
    let settings = LedgerSettings { required, period };
    let ledger = Ledger::new(bucket.clone(), settings);
    let mut sweep = JoinSet::new();
    let swept = ledger.clone();
    sweep.spawn(async move { swept.sweep().await });
    Bench {
        bucket,
        ledger,
        folder,
        _sweep: sweep,
    }
}

impl Bench {
    async fn record(&self, name: &str, key_id: &str, revoked: bool) {
        let at = farm_model::Timestamp::UNIX_EPOCH;
        let record = MachineRecord {
            name: name.parse().unwrap(),
            host_type: "rpi4".parse().unwrap(),
            owner: Some("gopher@example.org".to_owned()),
            labels: Default::default(),
            key_id: key_id.to_owned(),
            next_key_id: None,
            created: at,
            issued: at,
            expires: at,
            revoked_at: revoked.then_some(at),
            once: None,
        };
        let known = self.bucket.get_machine(&record.name).await.unwrap();
        self.bucket
            .put_machine(&record, known.as_ref())
            .await
            .unwrap();
    }

    /// No record can be read from now on.
    fn break_records(&self) {
        let machines = self.folder.path().join("bucket/machines");
        std::fs::create_dir_all(&machines).unwrap();
        for name in ["attic", "pi"] {
            std::fs::write(machines.join(format!("{name}.json")), "{").unwrap();
        }
    }

    async fn admitted(&self, name: &str, key: &str) -> Result<(), u16> {
        let admitted = self.ledger.admit(&bearer(name, &[key])).await;
        admitted.map_err(|refusal| refusal.status)
    }
}

fn bearer(name: &str, keys: &[&str]) -> Bearer {
    Bearer {
        name: name.to_owned(),
        host_type: "rpi4".to_owned(),
        key_ids: keys.iter().map(|key| (*key).to_owned()).collect(),
    }
}

/// Longer than an answer is good for.
async fn later() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}

async fn soon<T>(event: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), event).await.unwrap()
}

#[tokio::test]
async fn the_recorded_key_is_let_in_and_no_other_of_that_machine() {
    let b = bench(false);
    b.record("attic", "new", false).await;
    assert_eq!(b.admitted("attic", "new").await, Ok(()));
    assert_eq!(
        b.ledger.owner("attic"),
        Owner::Is("gopher@example.org".to_owned())
    );
    assert_eq!(b.ledger.owner("pi"), Owner::Unread);
    assert_eq!(b.admitted("attic", "old").await, Err(412));
    b.record("attic", "new", true).await;
    later().await;
    assert_eq!(b.admitted("attic", "new").await, Err(412));
    let old_style = b.ledger.admit(&bearer("attic", &[])).await;
    assert_eq!(
        old_style.unwrap_err().to_string(),
        "412 bad key for mode \"rpi4\""
    );
}

#[tokio::test]
async fn a_new_key_is_good_at_once() {
    let b = with_period(true, Duration::from_secs(1000));
    assert_eq!(b.admitted("attic", "first").await, Err(412));
    b.record("attic", "first", false).await;
    assert_eq!(b.admitted("attic", "first").await, Ok(()));
    b.record("attic", "second", false).await;
    assert_eq!(b.admitted("attic", "second").await, Ok(()));
    assert_eq!(b.admitted("attic", "first").await, Err(412));
}

#[tokio::test]
async fn a_machine_without_a_record_is_let_in_unless_records_are_required() {
    for name in ["pi", "of/two/parts"] {
        assert_eq!(bench(false).admitted(name, "key").await, Ok(()));
        assert_eq!(bench(true).admitted(name, "key").await, Err(412));
    }
}

#[tokio::test]
async fn an_answer_is_good_for_a_moment_and_longer_if_the_bucket_is_silent() {
    let b = bench(true);
    b.record("attic", "key", false).await;
    assert_eq!(b.admitted("attic", "key").await, Ok(()));
    b.break_records();
    later().await;
    assert_eq!(b.admitted("attic", "key").await, Ok(()));
    assert_eq!(b.admitted("attic", "other").await, Err(412));
    // Never heard of: to be asked again later where records are required.
    assert_eq!(b.admitted("pi", "key").await, Err(503));
    let lenient = bench(false);
    lenient.break_records();
    assert_eq!(lenient.admitted("pi", "key").await, Ok(()));
}

#[tokio::test]
async fn a_connected_machine_is_barred_once_it_is_revoked_or_its_key_replaced() {
    let b = bench(false);
    b.record("attic", "key", false).await;
    assert_eq!(b.admitted("attic", "key").await, Ok(()));
    let mut attic = Box::pin(b.ledger.barred(stays(bearer("attic", &["key"]))));
    // One that was unrecorded when it came.
    assert_eq!(b.admitted("pi", "minted").await, Ok(()));
    let pi = b.ledger.barred(stays(bearer("pi", &["minted"])));
    let undisturbed = timeout(Duration::from_millis(100), &mut attic).await;
    assert!(undisturbed.is_err(), "{undisturbed:?}");
    b.record("attic", "key", true).await;
    assert!(soon(attic).await.contains("revoked"));
    b.record("pi", "another", false).await;
    assert!(soon(pi).await.contains("replaced"));
}

#[tokio::test]
async fn who_was_let_in_unseen_is_looked_at_when_the_bucket_answers_again() {
    let b = bench(false);
    b.break_records();
    assert_eq!(b.admitted("attic", "key").await, Ok(()));
    let attic = b.ledger.barred(stays(bearer("attic", &["key"])));
    let revoke = async {
        let record = b.folder.path().join("bucket/machines/attic.json");
        std::fs::remove_file(record).unwrap();
        b.record("attic", "key", true).await;
    };
    let (why, ()) = tokio::join!(soon(attic), revoke);
    assert!(why.contains("revoked"), "{why}");
}

#[tokio::test]
async fn a_machine_that_a_hub_gives_its_next_key_stays_and_comes_back_with_it() {
    let b = bench(false);
    b.record("attic", "first", false).await;
    let first = bearer("attic", &["first"]);
    b.ledger
        .renewed(&first, "second", Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    for key in ["first", "second"] {
        assert_eq!(b.admitted("attic", key).await, Ok(()));
    }
    let stranger = bearer("attic", &["stolen"]);
    let refused = b
        .ledger
        .renewed(&stranger, "third", Timestamp::UNIX_EPOCH)
        .await;
    assert!(refused.unwrap_err().to_string().contains("replaced"));
    // There is nothing to note of a machine without a record.
    let pi = bearer("pi", &["key"]);
    b.ledger
        .renewed(&pi, "next", Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(b.admitted("pi", "next").await, Ok(()));
}

/// What it shows does not change.
fn stays(bearer: Bearer) -> tokio::sync::watch::Receiver<Bearer> {
    tokio::sync::watch::channel(bearer).1
}

#[tokio::test]
async fn whoever_holds_a_replaced_key_goes_as_soon_as_the_new_one_comes() {
    // The sweep never looks again in this test: the registration brings the news.
    let b = with_period(false, Duration::from_secs(3600));
    b.record("attic", "old", false).await;
    assert_eq!(b.admitted("attic", "old").await, Ok(()));
    let thief = b.ledger.barred(stays(bearer("attic", &["old"])));
    b.record("attic", "new", false).await;
    let (why, admitted) = tokio::join!(soon(thief), b.admitted("attic", "new"));
    assert_eq!(admitted, Ok(()));
    assert!(why.contains("replaced"), "{why}");
}

#[tokio::test]
async fn a_machine_that_was_given_one_key_after_the_other_stays() {
    let b = bench(false);
    b.record("attic", "first", false).await;
    let (shown, showing) = tokio::sync::watch::channel(bearer("attic", &["first"]));
    let mut attic = Box::pin(b.ledger.barred(showing));
    for key in ["second", "third"] {
        let present = shown.borrow().clone();
        b.ledger
            .renewed(&present, key, Timestamp::UNIX_EPOCH)
            .await
            .unwrap();
        shown.send_modify(|bearer| bearer.key_ids = [key.to_owned()].into());
    }
    b.record("pi", "other", false).await;
    let stays = tokio::time::timeout(Duration::from_millis(300), &mut attic).await;
    assert!(stays.is_err(), "{stays:?}");
}

impl Bench {
    /// A machine that a pool makes, which has not come yet.
    async fn made(&self, name: &str) {
        self.record(name, "first", false).await;
        let known = self.bucket.get_machine(&name.parse().unwrap()).await;
        let known = known.unwrap().unwrap();
        let record = MachineRecord {
            once: Some(farm_model::machine::Once {
                until: farm_model::Timestamp::MAX,
                used_at: None,
            }),
            ..known.record.clone()
        };
        self.bucket
            .put_machine(&record, Some(&known))
            .await
            .unwrap();
    }

    async fn used_up(&self, key: &str, next: &str) -> Result<(), u16> {
        let bearer = bearer("attic", &[key]);
        let used = self
            .ledger
            .use_up(&bearer, next, Timestamp::UNIX_EPOCH)
            .await;
        used.map_err(|refusal| refusal.status)
    }
}

#[tokio::test]
async fn of_two_who_come_with_a_key_that_is_good_once_one_is_let_in() {
    let b = bench(true);
    b.made("attic").await;
    assert_eq!(b.admitted("attic", "first").await, Ok(()));
    let came = tokio::join!(b.used_up("first", "second"), b.used_up("first", "other"));
    assert!(
        matches!(came, (Ok(()), Err(412)) | (Err(412), Ok(()))),
        "{came:?}"
    );
}

#[tokio::test]
async fn a_hub_that_dies_over_a_key_that_is_good_once_leaves_none_that_is_good_twice() {
    let b = bench(true);
    b.made("attic").await;
    assert_eq!(b.used_up("first", "second").await, Ok(()));
    // Another hub, which knows nothing of it but what the bucket says.
    let settings = LedgerSettings::default();
    let other = Ledger::new(b.bucket.clone(), settings);
    let refused = other.admit(&bearer("attic", &["first"])).await.unwrap_err();
    assert_eq!(refused.status, 412);
    assert!(other.admit(&bearer("attic", &["second"])).await.is_ok());
}

#[tokio::test]
async fn a_key_that_cannot_be_used_up_now_is_used_later() {
    let b = bench(false);
    b.made("attic").await;
    b.break_records();
    assert_eq!(b.used_up("first", "second").await, Err(503));
}

#[tokio::test]
async fn records_of_made_machines_go_when_no_key_is_good_any_more_and_others_stay() {
    let b = bench(false);
    let day = SignedDuration::from_hours(24);
    let now = farm_runtime::Clock::system().now();
    b.record("attic", "first", false).await;
    for (name, until) in [("m1", now), ("m2", now + day)] {
        b.made(name).await;
        let known = b.bucket.get_machine(&name.parse().unwrap()).await;
        let known = known.unwrap().unwrap();
        let mut record = known.record.clone();
        record.once.as_mut().unwrap().until = until;
        b.bucket.put_machine(&record, Some(&known)).await.unwrap();
    }
    let left = async || {
        let all = b.bucket.list_machines(9).await.unwrap().into_iter();
        all.map(|record| record.name.to_string())
            .collect::<Vec<_>>()
    };
    let grace = day.as_secs();
    b.ledger.pruned(now + day, grace, None).await.unwrap();
    assert_eq!(left().await, ["attic", "m1", "m2"]);
    let later = now + day * 2 + SignedDuration::from_hours(1);
    b.ledger.pruned(later, grace, None).await.unwrap();
    assert_eq!(left().await, ["attic", "m2"]);
}
