//! What mirrors and builders of 2019 post and look up.

use axum::body::Body;
use axum::http::Request;
use farm_model::config::Role;
use farm_model::record::CommitInfo;
use farm_model::view::{CommitView, FarmView, RepositoryView, key};

use crate::harness::{Answer, Function};
use crate::sample;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const UNKNOWN: &str = "1234567890123456789012345678901234567890";
/// Of `linux-amd64` under the master key `gophers rule`.
const KEY: &str = "8b3dbf220b21848be6884e982b34702e";
const DONE: &str = "{\"Response\":null,\"Error\":\"\"}\n";

/// `demo` is the main repository; `golang/tools` is built against it, `other` is not.
async fn farm() -> Function {
    let function = Function::start_with("results", None, |vars| {
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
    let nothing = Function::start("results", None);
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
    let off = Function::start("results", None);
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
