//! Calls of webhooks.

use farm_forge::signature::verify_github;
use farm_model::event::Event;
use farm_model::id::CommitId;
use farm_model::kept::Culprit;
use farm_model::message::result::{BuildersBroken, CulpritFound};
use farm_runtime::event;

use super::hook_server::{HookServer, Manner};
use super::{Reporter, broken, event_of, mended, push};

const SECRET: &str = "shared";

fn start(server: &HookServer) -> Reporter {
    Reporter::start(&[("FARM_HOOKS", &server.url), ("FARM_HOOK_SECRET", SECRET)])
}

#[tokio::test]
async fn a_hook_is_called_once_with_the_event_and_a_signature() {
    let server = HookServer::start(Manner::Answers(200)).await;
    let reporter = start(&server);
    let event = broken(2, "x");
    for _ in 0..2 {
        assert_eq!(reporter.push(&event).await, 204);
    }
    reporter.wait(10_000);
    assert_eq!(reporter.push(&event).await, 204);
    let calls = server.calls();
    assert_eq!(calls.len(), 1, "once, however often it is pushed");
    let header = |name: &str| calls[0].headers[name].to_str().unwrap();
    verify_github(
        SECRET.as_bytes(),
        &calls[0].body,
        header("x-hub-signature-256"),
    )
    .unwrap();
    // Whoever reads CloudEvents reads it.
    let read: Event = event::parse(&calls[0].headers, &calls[0].body).unwrap();
    assert_eq!((&read.id, &read.kind), (&event.id, &event.kind));
    let told = |event: &Event| event.decode::<BuildersBroken>().unwrap();
    assert_eq!(told(&read), told(&event));
    assert_eq!(reporter.push(&mended()).await, 204);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn two_instances_at_once_call_once() {
    let server = HookServer::start(Manner::Answers(204)).await;
    let reporter = start(&server);
    let event = broken(1, "x");
    let others = [reporter.another(), reporter.another(), reporter.another()];
    let all = others.map(|router| push(router, &event));
    let statuses = futures::future::join_all(all).await;
    assert!(statuses.contains(&204), "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [204, 503].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn what_breaks_off_in_the_middle_is_done_again_after_a_while() {
    let server = HookServer::start(Manner::Hangs).await;
    let reporter = start(&server);
    let event = broken(1, "x");
    tokio::select! {
        status = reporter.push(&event) => panic!("it does not end: {status}"),
        // Here the process is killed: it has called, and noted nothing.
        () = server.called() => {}
    }
    server.behave(Manner::Answers(200));
    assert_eq!(server.calls().len(), 1);
    reporter.wait(60);
    assert_eq!(reporter.push(&event).await, 503, "it may still be at work");
    assert_eq!(server.calls().len(), 0);
    reporter.wait(61);
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn trouble_that_passes_is_waited_for_and_a_refusal_is_not() {
    let server = HookServer::start(Manner::Answers(500)).await;
    let reporter = start(&server);
    let event = broken(1, "x");
    for status in [500, 503, 429, 408] {
        server.behave(Manner::Answers(status));
        assert_eq!(reporter.push(&event).await, 503, "{status}");
    }
    assert_eq!(server.calls().len(), 4, "at once again: it was not taken");
    server.behave(Manner::Answers(410));
    assert_eq!(reporter.push(&event).await, 204);
    server.behave(Manner::Answers(200));
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!(server.calls().len(), 1, "given up");
}

#[tokio::test]
async fn nobody_is_led_elsewhere() {
    let server = HookServer::start(Manner::Redirects).await;
    let reporter = start(&server);
    assert_eq!(reporter.push(&broken(1, "x")).await, 204);
    assert_eq!(server.calls().len(), 1, "the other address is not called");
}

#[tokio::test]
async fn of_several_each_is_called_once() {
    let (well, ill) = (
        HookServer::start(Manner::Answers(200)).await,
        HookServer::start(Manner::Answers(503)).await,
    );
    let hooks = format!("{}, {}", well.url, ill.url);
    let reporter = Reporter::start(&[("FARM_HOOKS", &hooks), ("FARM_HOOK_SECRET", SECRET)]);
    let event = broken(1, "x");
    assert_eq!(reporter.push(&event).await, 503);
    ill.behave(Manner::Answers(200));
    assert_eq!(reporter.push(&event).await, 204);
    assert_eq!((well.calls().len(), ill.calls().len()), (1, 2));
}

#[tokio::test]
async fn what_concerns_nobody_is_acknowledged_and_what_does_not_read_is_dead() {
    let server = HookServer::start(Manner::Answers(200)).await;
    let reporter = start(&server);
    let commit: CommitId = "a".repeat(40).parse().unwrap();
    let culprit = Culprit {
        builder: "b".parse().unwrap(),
        repo: "demo".parse().unwrap(),
        branch: "main".to_owned(),
        green: commit.clone(),
        suspects: vec![commit],
        at: crate::sample::at("11:00:00"),
    };
    let other = event_of("culprit:1", &CulpritFound { culprit });
    assert_eq!(reporter.push(&other).await, 204);
    let mut bad = broken(1, "x");
    bad.data = "{}".to_owned();
    assert_eq!(reporter.push(&bad).await, 400);
    assert_eq!(server.calls().len(), 0);
}
