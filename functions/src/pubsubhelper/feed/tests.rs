use farm_model::message::activity::{GithubHint, Hint};
use tokio::task::JoinSet;

use super::*;

fn event(second: i64) -> FeedEvent {
    FeedEvent {
        time: at(second),
        hint: Hint::Github(GithubHint {
            event: "issues".to_owned(),
            action: "opened".to_owned(),
            owner: "golang".to_owned(),
            repo: "go".to_owned(),
            git_ref: None,
            issue: Some(second.unsigned_abs()),
            pull_request: None,
        }),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

async fn publish(bucket: &Bucket, events: &[FeedEvent]) {
    let view = FeedView {
        made: at(1_000_000),
        events: events.to_vec(),
    };
    let bytes = serde_json::to_vec(&view).unwrap();
    bucket
        .put_view(key::FEED, bytes.into(), None)
        .await
        .unwrap();
}

fn feed() -> (Bucket, Arc<Feed>) {
    let bucket = Bucket::open("memory:").unwrap();
    (bucket.clone(), Arc::new(Feed::new(bucket)))
}

#[tokio::test(start_paused = true)]
async fn a_reader_walks_through_everything_that_is_kept() {
    let (bucket, feed) = feed();
    publish(&bucket, &[event(1), event(2), event(3)]).await;
    let mut cursor = at(0);
    for expected in 1..=3 {
        let Waited::Event(event) = feed.wait(Some(cursor)).await.unwrap() else {
            panic!("timed out before event {expected}")
        };
        assert_eq!(event.time, at(expected));
        cursor = event.time;
    }
    assert_eq!(feed.wait(Some(cursor)).await.unwrap(), Waited::Out(cursor));
}

#[tokio::test(start_paused = true)]
async fn a_time_out_never_skips_an_event_that_was_on_its_way() {
    let (bucket, feed) = feed();
    publish(&bucket, &[event(10)]).await;
    // Nobody gave a cursor: from what is visible on.
    let before = Instant::now();
    let Waited::Out(checked) = feed.wait(None).await.unwrap() else {
        panic!("an old event is not news")
    };
    assert_eq!(before.elapsed(), HOLD);
    // Stamped long before the time-out was sent, and visible only now.
    publish(&bucket, &[event(10), event(11)]).await;
    assert_eq!(
        feed.wait(Some(checked)).await.unwrap(),
        Waited::Event(event(11))
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_event_of_all_reaches_who_waited_before_there_was_a_feed() {
    let (bucket, feed) = feed();
    let Waited::Out(checked) = feed.wait(None).await.unwrap() else {
        panic!("there is nothing to wait for")
    };
    publish(&bucket, &[event(5)]).await;
    let waited = feed.wait(Some(checked)).await.unwrap();
    assert_eq!(waited, Waited::Event(event(5)));
}

#[tokio::test(start_paused = true)]
async fn one_reads_for_all_and_hands_on_when_it_leaves() {
    let (bucket, feed) = feed();
    publish(&bucket, &[event(1)]).await;
    let mut waiting = JoinSet::new();
    for n in 0..50 {
        let feed = Arc::clone(&feed);
        waiting.spawn(async move {
            // Every other one is gone before anything comes, whoever of them reads at that time.
            let limit = if n % 2 == 0 { 1 } else { 20 };
            tokio::time::timeout(Duration::from_secs(limit), feed.wait(None)).await
        });
    }
    sleep(Duration::from_secs(5)).await;
    publish(&bucket, &[event(1), event(2)]).await;
    let ended = waiting.join_all().await;
    let heard = ended.into_iter().filter_map(Result::ok);
    let heard: Vec<Waited> = heard.map(Result::unwrap).collect();
    assert_eq!(heard.len(), 25);
    assert!(heard.iter().all(|heard| *heard == Waited::Event(event(2))));
}

#[tokio::test(start_paused = true)]
async fn more_than_there_are_seats_for_are_asked_to_come_again() {
    let (_, feed) = feed();
    let _all = feed.seats.try_acquire_many(SEATS as u32).unwrap();
    assert!(matches!(feed.wait(None).await, Err(Failure::Again { .. })));
}
