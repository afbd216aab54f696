//! What mirrors and builders of 2019 post and look up.

use axum::body::Body;
use axum::http::Request;
use farm_model::config::Role;
use farm_model::event::Topic;
use farm_model::message::command::{Ask, Command};
use farm_model::record::CommitInfo;
use farm_model::view::{CommitView, FarmView, RepositoryView, key};

use crate::harness::{Answer, Function, Queue};
use crate::sample;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const UNKNOWN: &str = "1234567890123456789012345678901234567890";
/// Of `linux-amd64` under the master key `gophers rule`.
const KEY: &str = "8b3dbf220b21848be6884e982b34702e";
const DONE: &str = "{\"Response\":null,\"Error\":\"\"}\n";

/// `demo` is the main repository; `golang/tools` is built against it, `other` is not.
async fn farm() -> Function {
    farm_on(&Queue::bare().await).await
}

async fn farm_on(queue: &Queue) -> Function {
    let function = Function::start_with("results", Some(queue), |vars| {
        vars.with("FARM_BUILDER_MASTER_KEY", "gophers rule")
    });
    let mut farm: FarmView = sample::farm();
    farm.repositories[0].role = Role::Main;
    farm.repositories[1].role = Role::Against("demo".parse().unwrap());
    farm.repositories.push(RepositoryView {
        name: "other".parse().unwrap(),
        import_path: Some("example.org/other".to_owned()),
        ..farm.repositories[0].clone()
    });
    farm.repositories[2].role = Role::Alone;
    function.put_view(key::FARM, &farm).await;
    let view = CommitView {
        commit: CommitInfo {
            parents: vec!["b".repeat(40).parse().unwrap()],
            author: "Ann Example".to_owned(),
            ..sample::commit('a', "runtime: shrink <foo>")
        },
        ..sample::commit_view()
    };
    let demo = "demo".parse().unwrap();
    let key = key::commit(&demo, &view.commit.id);
    function.put_view(&key, &view).await;
    function
}

async fn post(function: &Function, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", "text/json");
    function
        .ask(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

#[tokio::test]
async fn a_commit_is_looked_up_as_a_mirror_knows_it() {
    let function = farm().await;
    let answer = function
        .get(&format!("/commit?packagePath=&hash={A}"))
        .await;
    assert_eq!(
        answer.of(200),
        format!(
            "{{\"Response\":{{\"PackagePath\":\"\",\"Hash\":\"{A}\",\"ParentHash\":\"{}\",\"Num\":2,\
             \"User\":\"Ann Example \\u003cann@example.com\\u003e\",\"Desc\":\"runtime: shrink \\u003cfoo\\u003e\",\
             \"Time\":\"2019-04-25T09:00:00Z\",\"NeedsBenchmarking\":false,\"TryPatch\":false,\"Branch\":\"main\",\
             \"ResultData\":null,\"PerfResults\":null,\"FailNotificationSent\":false}},\"Error\":\"\"}}\n",
            "b".repeat(40)
        )
    );
    for unknown in [
        format!("packagePath=&hash={UNKNOWN}"),
        format!("packagePath=golang.org/x/nothing&hash={A}"),
        "hash=HEAD".to_owned(),
    ] {
        let answer = function.get(&format!("/commit?{unknown}")).await;
        let text = "{\"Response\":null,\"Error\":\"Commit not found\"}\n";
        assert_eq!(answer.of(200), text, "{unknown}");
    }
    function.get("/commit?packagePath=").await.of(400);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_a_commit_that_is_not_there() {
    let function = farm().await;
    function.put_view(key::FARM, &"damaged").await;
    let answer = function.get(&format!("/commit?hash={A}")).await;
    assert!(!answer.of(503).contains("not found"), "{}", answer.text());
}

#[tokio::test]
async fn a_mirror_may_tell_what_is_in_git_already() {
    let function = farm().await;
    let body = |hash: &str| {
        format!(r#"{{"PackagePath":"","Hash":"{hash}","NeedsBenchmarking":true,"Num":null}}"#)
    };
    let master = "/commit?key=gophers+rule&version=3";
    assert_eq!(post(&function, master, &body(A)).await.of(200), DONE);
    let answer = post(&function, master, &body(UNKNOWN)).await;
    assert!(answer.of(200).contains("parent commit not found"));
    let answer = post(&function, "/commit?key=gophers+rule&version=2", &body(A)).await;
    assert!(answer.of(400).contains("need version 3 instead of 2"));
    let answer = post(&function, master, "{\"Hash\":").await;
    answer.of(400);
    let answer = post(&function, master, "{}").await;
    assert!(answer.of(400).contains("validating Commit: invalid Hash"));
    let builder = format!("/commit?builder=linux-amd64&key={KEY}&version=3");
    let answer = post(&function, &builder, &body(A)).await;
    assert!(
        answer
            .of(401)
            .contains("can only POST commits with master key")
    );
    assert!(!answer.text().contains(KEY));
}

#[tokio::test]
async fn tags_are_a_mirrors_and_are_compared_with_git() {
    let function = farm().await;
    let path = "/tag?key=gophers+rule";
    let tip = format!(r#"{{"Kind":"tip","Name":"","Hash":"{A}"}}"#);
    assert_eq!(post(&function, path, &tip).await.of(200), DONE);
    post(
        &function,
        &format!("/tag?builder=linux-amd64&key={KEY}"),
        &tip,
    )
    .await
    .of(401);
    for (body, says) in [
        (r#"{"kind":"branch"}"#, "invalid Kind"),
        (r#"{"kind":"release"}"#, "release must have Name"),
        (r#"{"kind":"tip"}"#, "invalid Hash"),
    ] {
        assert!(post(&function, path, body).await.of(400).contains(says));
    }
    let unknown = format!(r#"{{"Kind":"tip","Hash":"{UNKNOWN}"}}"#);
    post(&function, path, &unknown).await.of(404);
}

#[tokio::test]
async fn packages_are_listed_by_kind() {
    let function = farm().await;
    assert_eq!(
        function.get("/packages?kind=subrepo").await.of(200),
        "{\"Response\":[{\"Kind\":\"subrepo\",\"Name\":\"golang/tools\",\"Path\":\"golang.org/x/tools\",\"NextNum\":1}],\
         \"Error\":\"\"}\n"
    );
    let external = function.get("/packages?kind=external").await;
    assert!(external.of(200).contains("\"Path\":\"example.org/other\""));
    let answer = function.get("/packages?kind=go").await;
    assert!(answer.of(400).contains("kind must be one of"));
    let nothing = Function::start("results", Some(&Queue::bare().await));
    assert_eq!(nothing.get("/packages?kind=subrepo").await.of(200), DONE);
}

#[tokio::test]
async fn a_builder_may_say_that_it_builds() {
    let function = farm().await;
    let path = |key: &str| {
        format!("/building?builder=linux-amd64&key={key}&hash={A}&gohash=&url=http%3A%2F%2Fx")
    };
    let answer = post(&function, &path(KEY), "").await;
    assert_eq!(
        answer.of(200),
        format!("{{\"Response\":{{\"key\":\"building|{A}||linux-amd64\"}},\"Error\":\"\"}}\n")
    );
    post(&function, &path("x"), "").await.of(401);
    // Switched off unless it was switched on.
    let off = Function::start("results", Some(&Queue::bare().await));
    assert!(
        post(&off, &path(KEY), "")
            .await
            .of(401)
            .contains("switched off")
    );
}

#[tokio::test]
async fn nothing_can_be_asked_for_any_more_and_no_keys_are_made() {
    let function = farm().await;
    let answer = function.get("/todo?builder=b&kind=build-go-commit").await;
    assert!(answer.of(410).contains("coordinator"));
    for gone in ["/key?builder=b", "/init", "/buildtest"] {
        function.get(gone).await.of(404);
    }
}

/// The worked example of the specification.
fn result(builder: &str, log: &str) -> String {
    format!(
        r#"{{"Builder":"{builder}","PackagePath":"","Hash":"{A}","GoHash":"","OK":false,"Log":"{log}","RunTime":90000000000}}"#
    )
}

#[tokio::test]
async fn a_builder_elsewhere_tells_a_result_and_its_log_is_found() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = farm_on(&queue).await;
    let path = format!("/result?builder=linux-amd64&key={KEY}&version=1");
    let mut ids = Vec::new();
    for log in ["test", "test", "another"] {
        let answer = post(&function, &path, &result("linux-amd64", log)).await;
        assert_eq!(answer.of(200), DONE);
        let command: Command = listener.message().await;
        assert_eq!(command.actor, "builder:linux-amd64");
        let Ask::Result(told) = command.ask else {
            panic!("{:?}", command.ask)
        };
        assert_eq!((told.ok, told.milliseconds), (false, 90_000));
        assert_eq!(
            (told.key.branch.as_str(), told.key.commit.as_str()),
            ("main", A)
        );
        let stored = told.log.unwrap();
        assert_eq!(stored.attempt.build, told.key.id());
        let found = function.bucket.log_by_hash(&stored.hash).await.unwrap();
        assert_eq!(found, Some(stored.attempt.clone()));
        let piece = function
            .bucket
            .read_log(&stored.attempt, 0, 100)
            .await
            .unwrap();
        assert_eq!(piece.bytes, log);
        ids.push((command.id, stored.hash.to_string()));
    }
    assert_eq!(ids[0].1, "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3");
    assert_eq!(ids[0], ids[1], "the same told twice is one command");
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn a_result_that_makes_no_sense_is_not_told_on() {
    let (queue, mut listener) = Queue::with(Topic::Commands).await;
    let function = farm_on(&queue).await;
    let path = |key: &str, version: u32| {
        format!("/result?builder=linux-amd64&key={key}&version={version}")
    };
    let good = result("linux-amd64", "");
    for (path, body, status, says) in [
        (path("x", 1), good.clone(), 401, "invalid key"),
        (
            path(KEY, 3),
            good.clone(),
            400,
            "need version 1 instead of 3",
        ),
        (
            path(KEY, 1),
            result("linux-arm", ""),
            403,
            "another builder",
        ),
        (path(KEY, 1), good.replace(A, ""), 400, "invalid Hash"),
        (
            path(KEY, 1),
            good.replace("\"PackagePath\":\"\"", "\"PackagePath\":\"x\""),
            400,
            "invalid GoHash",
        ),
        (
            path(KEY, 1),
            good.replace(A, UNKNOWN),
            404,
            "Commit not found",
        ),
        (path(KEY, 1), "{".to_owned(), 400, "EOF"),
    ] {
        let answer = post(&function, &path, &body).await;
        assert!(answer.of(status).contains(says), "{}", answer.text());
    }
    listener.has_nothing().await;
    // Who has proved nothing may try so often.
    let mut last = 401;
    for _ in 0..40 {
        last = post(&function, &path("x", 1), &good).await.status.as_u16();
    }
    assert_eq!(last, 429);
}
