//! Who may have results cleared, and what becomes of it.

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use farm_forge::token;
use farm_model::Timestamp;
use farm_model::event::Topic;
use farm_model::message::command::{Ask, Command};
use farm_model::message::progress::Outcome;
use farm_model::record::Verdict;
use farm_model::view::{BuildView, GridView, Status, key};

use crate::harness::{Function, Queue, TOKEN_KEY};
use crate::sample;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// Of `linux-amd64` under the master key `gophers rule`.
const KEY: &str = "8b3dbf220b21848be6884e982b34702e";
const DONE: &str = "{\"Response\":null,\"Error\":\"\"}\n";

fn expiring(key: &str, at: &str) -> String {
    let at: Timestamp = at.parse().unwrap();
    token::mint(key.as_bytes(), "gopher", at).unwrap()
}

fn clear(query: &str) -> Builder {
    Request::post(format!("/clear-results?{query}"))
}

fn bearing(query: &str, token: &str) -> Request<Body> {
    let request = clear(query).header("authorization", format!("Bearer {token}"));
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_token_clears_in_the_name_of_its_user() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("retrybuilds", Some(&queue));
    let token = expiring(TOKEN_KEY, "2999-01-01T00:00:00Z");
    let query = format!("builder=linux-test&hash={A},{B}&id=mine");
    let answer = function.ask(bearing(&query, &token)).await;
    assert_eq!(answer.of(200), DONE);
    assert_eq!(answer.header("content-type"), "application/json");
    let mut heard = Vec::new();
    for _ in 0..2 {
        let event = listener.next().await;
        let command: Command = event.decode().unwrap();
        assert_eq!(command.actor, "user:gopher");
        assert_eq!(event.id, format!("command:{}", command.id));
        let Ask::Clear { builder, commit } = command.ask else {
            panic!("{command:?}")
        };
        heard.push(format!("{} {builder} {}", command.id, commit.short()));
    }
    heard.sort();
    assert_eq!(
        heard,
        [
            "9c73fbcce60b9bd3-mine.1 linux-test aaaaaaaa",
            "9c73fbcce60b9bd3-mine.2 linux-test bbbbbbbb"
        ]
    );
}

#[tokio::test]
async fn nobody_and_strangers_are_refused_and_nothing_is_published() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("retrybuilds", Some(&queue));
    let query = format!("builder=linux-amd64&hash={A}");
    let nobody = clear(&query).body(Body::empty()).unwrap();
    function.ask(nobody).await.of(401);
    for (key, at, says) in [
        (TOKEN_KEY, "2000-01-01T00:00:00Z", "expired"),
        ("other", "2999-01-01T00:00:00Z", "another key"),
    ] {
        let answer = function.ask(bearing(&query, &expiring(key, at))).await;
        assert!(answer.of(401).contains(says), "{}", answer.text());
    }
    function.ask(bearing(&query, "nonsense")).await.of(401);
    // Keys of 2019 are off unless they are switched on.
    let old = clear(&format!("{query}&key={KEY}")).body(Body::empty());
    let answer = function.ask(old.unwrap()).await;
    assert!(answer.of(401).contains("switched off"));
    assert!(!answer.text().contains(KEY));
    listener.has_nothing().await;
}

#[tokio::test]
async fn a_builders_key_of_2019_works_where_it_is_switched_on() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start_with("retrybuilds", Some(&queue), |vars| {
        vars.with("FARM_BUILDER_MASTER_KEY", "gophers rule\n")
    });
    let ask = |builder: &str, key: &str| {
        let query = format!("builder={builder}&hash={A}&key={key}");
        function.ask(clear(&query).body(Body::empty()).unwrap())
    };
    let answer = ask("linux-arm", KEY).await;
    assert_eq!(
        answer.of(401),
        "{\"Response\":null,\"Error\":\"invalid key for builder \\\"linux-arm\\\"\"}\n"
    );
    // The master key itself is nobody's.
    ask("linux-amd64", "gophers%20rule").await.of(401);
    assert_eq!(ask("linux-amd64", KEY).await.of(200), DONE);
    let command: Command = listener.message().await;
    assert_eq!(command.actor, "builder:linux-amd64");
    listener.has_nothing().await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_said() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("retrybuilds", Some(&queue));
    let token = expiring(TOKEN_KEY, "2999-01-01T00:00:00Z");
    for (query, says) in [
        (format!("hash={A}"), "must specify a builder"),
        ("builder=b".to_owned(), "must specify a hash"),
        ("builder=b&hash=abc".to_owned(), "is not a commit"),
    ] {
        let answer = function.ask(bearing(&query, &token)).await;
        assert!(answer.of(400).contains(says), "{}", answer.text());
    }
    listener.has_nothing().await;
}

#[tokio::test]
async fn a_form_does_as_well_as_a_query_and_a_header_names_the_command() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = Function::start("retrybuilds", Some(&queue));
    let token = expiring(TOKEN_KEY, "2999-01-01T00:00:00Z");
    let request = Request::post("/clear-results")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("idempotency-key", "once")
        .body(Body::from(format!("builder=linux-test&hash={A}")));
    function.ask(request.unwrap()).await.of(200);
    assert_eq!(
        listener.message::<Command>().await.id.as_str(),
        "9c73fbcce60b9bd3-once"
    );
}

#[tokio::test]
async fn while_the_queue_is_away_each_client_is_told_in_its_own_way() {
    let queue = Queue::bare().await;
    let function = Function::start_with("retrybuilds", Some(&queue), |vars| {
        vars.with("FARM_BUILDER_MASTER_KEY", "gophers rule")
    });
    let query = format!("builder=linux-amd64&hash={A}");
    let token = expiring(TOKEN_KEY, "2999-01-01T00:00:00Z");
    function.ask(bearing(&query, &token)).await.of(503);
    let old = clear(&format!("{query}&key={KEY}")).body(Body::empty());
    let answer = function.ask(old.unwrap()).await;
    // The one text after which a client of 2019 tries again.
    assert_eq!(
        answer.of(200),
        "{\"Response\":null,\"Error\":\"datastore: concurrent transaction\"}\n"
    );
}

/// A farm whose build of `pi` on the newest commit ended in `status`, by chance or not.
async fn ended(function: &Function, status: Status, by_chance: bool) -> BuildView {
    let mut view = sample::build(sample::failed(Default::default()));
    let outcome = match status {
        Status::Lost => Outcome::Lost,
        _ => Outcome::Failed,
    };
    view.runs[0].verdict = Some(Verdict {
        outcome,
        reason: "given up".to_owned(),
        at: sample::at("10:01:00"),
        superseded: false,
    });
    let mut grid: GridView = sample::grid();
    let cell = grid.rows[0].cells[1].as_mut().unwrap();
    (cell.build, cell.run, cell.status) = (view.build.id.clone(), 1, status);
    cell.failure.as_mut().unwrap().by_chance = by_chance;
    function.put_view(key::FARM, &sample::farm()).await;
    let demo = "demo".parse().unwrap();
    function.put_view(&key::grid(&demo, "main"), &grid).await;
    function.put_view(&key::build(&view.build.id), &view).await;
    view
}

#[tokio::test]
async fn the_time_has_run_again_what_chance_or_we_have_spoilt() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    for (status, by_chance) in [(Status::Failed, true), (Status::Lost, false)] {
        let function = Function::start("retrybuilds", Some(&queue));
        let build = ended(&function, status, by_chance).await.build.id;
        for _ in 0..2 {
            let tick = Request::post("/retrybuilds").body(Body::empty()).unwrap();
            function.ask(tick).await.of(200);
            // Twice the same command is one.
            let command: Command = listener.message().await;
            assert_eq!(command.id.as_str(), format!("again-{build}-1"));
            assert_eq!(command.actor, "farm:retrybuilds");
            let build = build.clone();
            assert_eq!(command.ask, Ask::Retry { build });
        }
    }
    let function = Function::start("retrybuilds", Some(&queue));
    ended(&function, Status::Failed, false).await;
    let tick = || Request::post("/retrybuilds").body(Body::empty()).unwrap();
    assert_eq!(
        function.ask(tick()).await.of(200),
        "0 builds are run again\n"
    );
    let nothing = Function::start("retrybuilds", Some(&queue));
    nothing.ask(tick()).await.of(200);
    listener.has_nothing().await;
    // What cannot be read is looked at again with the next tick.
    function.put_view(key::FARM, &"damaged").await;
    function.ask(tick()).await.of(503);
}
