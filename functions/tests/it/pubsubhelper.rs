//! The feed, to the byte, as clients of 2019 read it.

use axum::body::Body;
use axum::http::Request;
use farm_model::message::activity::{GerritHint, GithubHint, Hint};
use farm_model::view::{FeedEvent, FeedView, key};

use crate::harness::Function;

fn github(time: &str, event: &str, action: &str, pull_request: Option<u64>) -> FeedEvent {
    FeedEvent {
        time: time.parse().unwrap(),
        hint: Hint::Github(GithubHint {
            event: event.to_owned(),
            action: action.to_owned(),
            owner: "golang".to_owned(),
            repo: "go".to_owned(),
            git_ref: None,
            issue: None,
            pull_request,
        }),
    }
}

fn gerrit(time: &str) -> FeedEvent {
    FeedEvent {
        time: time.parse().unwrap(),
        hint: Hint::Gerrit(GerritHint {
            event: "patchset-created".to_owned(),
            project: "net".to_owned(),
            git_ref: None,
            url: Some("https://go-review.googlesource.com/39551".to_owned()),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            change: Some(39551),
        }),
    }
}

fn three() -> Vec<FeedEvent> {
    vec![
        gerrit("2019-04-25T17:00:00.123456789Z"),
        github("2019-04-25T17:00:01Z", "push", "", None),
        github(
            "2019-04-25T17:00:02Z",
            "pull_request",
            "opened",
            Some(31000),
        ),
    ]
}

async fn with(events: Vec<FeedEvent>) -> Function {
    let function = Function::start("pubsubhelper", None);
    publish(&function, events).await;
    function
}

async fn publish(function: &Function, events: Vec<FeedEvent>) {
    let made = "2026-11-24T10:00:00Z".parse().unwrap();
    function
        .put_view(key::FEED, &FeedView { made, events })
        .await;
}

const GOLDEN: [&str; 3] = [
    "{\n\t\"Time\": \"2019-04-25T17:00:00.123456789Z\",\n\t\"Gerrit\": {\n\
     \t\t\"URL\": \"https://go-review.googlesource.com/39551\",\n\t\t\"Project\": \"net\",\n\
     \t\t\"CommitHash\": \"0123456789abcdef0123456789abcdef01234567\",\n\t\t\"ChangeNumber\": 39551\n\t}\n}",
    "{\n\t\"Time\": \"2019-04-25T17:00:01Z\",\n\t\"GitHub\": {\n\
     \t\t\"Action\": \"\",\n\t\t\"RepoOwner\": \"golang\",\n\t\t\"Repo\": \"go\"\n\t}\n}",
    "{\n\t\"Time\": \"2019-04-25T17:00:02Z\",\n\t\"GitHub\": {\n\
     \t\t\"Action\": \"opened\",\n\t\t\"RepoOwner\": \"golang\",\n\t\t\"Repo\": \"go\",\n\
     \t\t\"PullRequestNumber\": 31000\n\t}\n}",
];

#[tokio::test]
async fn recent_events_are_newest_first_from_the_cursor_on() {
    let function = with(three()).await;
    let answer = function.get("/recent").await;
    let [first, second, third] = GOLDEN;
    assert_eq!(
        answer.of(200),
        format!("[\n{third},\n{second},\n{first}\n]\n")
    );
    assert_eq!(
        answer.header("content-type"),
        "application/json; charset=utf-8"
    );
    let answer = function.get("/recent?after=2019-04-25T17:00:01Z").await;
    assert_eq!(answer.of(200), format!("[\n{third},\n{second}\n]\n"));
    let answer = function.get("/recent?after=2019-04-25T17:00:03Z").await;
    assert_eq!(answer.of(200), "[\n\n]\n");
}

#[tokio::test]
async fn a_farm_that_has_heard_nothing_has_an_empty_list() {
    let function = Function::start("pubsubhelper", None);
    assert_eq!(function.get("/recent").await.of(200), "[\n\n]\n");
}

/// The time of an answer, which a client sends back as its cursor.
fn time(body: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    json["Time"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_walks_through_everything_one_event_at_a_time() {
    let function = with(three()).await;
    let mut after = "2019-04-25T00:00:00Z".to_owned();
    for expected in GOLDEN {
        let answer = function.get(&format!("/waitevent?after={after}")).await;
        assert_eq!(answer.of(200), expected);
        assert_eq!(
            answer.header("content-type"),
            "application/json; charset=utf-8"
        );
        after = time(answer.text());
    }
}

#[tokio::test]
async fn an_event_that_comes_while_somebody_waits_is_answered_at_once() {
    let function = with(three()[..1].to_vec()).await;
    let after = "/waitevent?after=2019-04-25T17:00:00.123456789Z";
    let coming = async {
        // The request has looked once and waits.
        tokio::task::yield_now().await;
        publish(&function, three()[..2].to_vec()).await;
    };
    let (answer, ()) = tokio::join!(function.get(after), coming);
    assert_eq!(answer.of(200), GOLDEN[1]);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_the_known_object_and_skips_nothing() {
    let function = with(three()[..1].to_vec()).await;
    let answer = function.get("/waitevent").await;
    assert_eq!(
        answer.of(200),
        "{\n\t\"Time\": \"2019-04-25T17:00:00.123456789Z\",\n\t\"LongPollTimeout\": true\n}"
    );
    publish(&function, three()).await;
    let next = format!("/waitevent?after={}", time(answer.text()));
    assert_eq!(function.get(&next).await.of(200), GOLDEN[1]);
}

#[tokio::test]
async fn a_cursor_that_is_none_and_other_methods_are_refused_in_the_known_words() {
    let function = with(three()).await;
    for path in [
        "/recent?after=x",
        "/waitevent?after=2019-04-25T17:00:00+02:00",
    ] {
        let answer = function.get(path).await;
        let text = "'after' parameter is not in time.RFC3339Nano format\n";
        assert_eq!(answer.of(400), text);
    }
    let post = Request::post("/waitevent").body(Body::empty()).unwrap();
    assert_eq!(function.ask(post).await.of(400), "requires GET\n");
}

#[tokio::test]
async fn a_feed_that_cannot_be_read_is_asked_for_again() {
    let function = Function::start("pubsubhelper", None);
    let nonsense = bytes::Bytes::from_static(b"{");
    function
        .bucket
        .put_view(key::FEED, nonsense, None)
        .await
        .unwrap();
    function.get("/recent").await.of(503);
    function.get("/waitevent").await.of(503);
}
