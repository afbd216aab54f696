//! Reverse mode (`buildlet.md` 8, `revdial.md` 2 and 3).

use std::time::{Duration, Instant};

use crate::harness::{gone, pids};
use crate::hub::{Hub, KEY, pick_up};
use crate::peer::{bare, sh, with_body};

const PATH: &str = "/revdial?revdial.dialer=000102030405060708090a0b0c0d0e0f&x=1";

#[tokio::test]
async fn it_registers_and_serves_what_the_hub_asks_for() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.asked().await;
    // An answer of 2019, and in the same record what it would have lost.
    let ready = format!("{{\"command\":\"conn-ready\",\"connPath\":\"{PATH}\"}}\n");
    control
        .send(format!("HTTP/0.0 101 Switching Protocols\r\n\r\n{{\"command\":\"future-thing\",\"x\":1}}\n{ready}"))
        .await;
    let mut picked = hub.dialed().await;
    assert_eq!(picked.block().await, pick_up(PATH));
    let status = "GET /status HTTP/1.1\r\nHost: testhost\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n";
    let answer = picked
        .ask(format!("HTTP/0.0 101 Switching Protocols\r\n\r\n{status}"))
        .await;
    assert_eq!(answer.said(), (200, "{\"Version\":23}"));
    // One connection, many requests; several connections at once.
    assert_eq!(picked.ask(status).await.status, 200);
    control.send("{\"command\":\"keep-alive\"}\n").await;
    let mut second = hub.picked_up(&mut control, "/revdial?second").await;
    second.send(sh("read x < fifo; echo $x; exit 3")).await;
    let head = second.head().await;
    assert_eq!(
        picked
            .ask(with_body("PUT", "/write?path=f&mode=420", b"hello\n"))
            .await
            .said(),
        (200, "OK")
    );
    assert_eq!(picked.ask(sh("cat f")).await.text(), "hello\n");
    let answer = second.rest(head, false).await;
    assert!(answer.text().contains("fifo"), "{answer:?}");
    assert_eq!(answer.state(), "exit status 3");
    b.end().await;
}

#[tokio::test]
async fn reverse_mode_asks_for_no_password_and_tells_commands_no_key() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, PATH).await;
    assert_eq!(picked.ask(bare("GET", "/status")).await.status, 200);
    let answer = picked.ask(sh("env; cat /proc/$PPID/cmdline")).await;
    assert!(!answer.text().contains(KEY), "{}", answer.text());
    assert!(
        !b.log().contains(KEY) && !b.log().contains("000102"),
        "{}",
        b.log()
    );
    b.end().await;
}

#[tokio::test]
async fn a_failed_pick_up_is_reported_on_the_control_connection() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.registered().await;
    control
        .send(format!(
            "{{\"command\":\"conn-ready\",\"connPath\":\"{PATH}\"}}\n"
        ))
        .await;
    let mut picked = hub.dialed().await;
    picked.block().await;
    picked
        .send("HTTP/1.1 400 Bad Request\r\nContent-Length: 15\r\n\r\nunknown dialer\n")
        .await;
    let path = PATH.replace('&', "\\u0026");
    assert_eq!(
        control.line().await,
        format!(
            "{{\"command\":\"pickup-failed\",\"connPath\":\"{path}\",\"err\":\"non-101 response 400 Bad Request\"}}"
        )
    );
    assert_eq!(picked.until_closed().await, b"");
    // The session goes on.
    let mut next = hub.picked_up(&mut control, "/revdial?next").await;
    assert_eq!(next.ask(bare("GET", "/status")).await.status, 200);
    b.end().await;
}

#[tokio::test]
async fn it_comes_back_with_growing_pauses() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.registered().await;
    // Half a second, one, two: each at least half of that, since machines spread their return.
    for least in [250, 500, 1000] {
        drop(control);
        let began = Instant::now();
        control = hub.registered().await;
        let waited = began.elapsed();
        assert!(waited >= Duration::from_millis(least), "{waited:?}");
    }
    let mut picked = hub.picked_up(&mut control, PATH).await;
    assert_eq!(picked.ask(bare("GET", "/status")).await.status, 200);
    b.end().await;
}

#[tokio::test]
async fn the_end_of_a_session_ends_its_connections_and_commands() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, PATH).await;
    let file = b.outside("pids");
    let script = format!(
        "sleep 1000 & echo $! $$ > {0}.new; mv {0}.new {0}; wait",
        file.display()
    );
    picked.send(sh(&script)).await;
    picked.head().await;
    let pids = pids(&file).await;
    // No line of the protocol.
    control.send("not json\n").await;
    assert_eq!(control.until_closed().await, b"");
    gone(&pids).await;
    assert_eq!(picked.until_closed().await, b"");
    // The next session is as good as the first.
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, PATH).await;
    assert_eq!(picked.ask(sh("true")).await.state(), "ok");
    b.end().await;
}

#[tokio::test]
async fn a_refused_machine_does_not_insist() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut refused = hub.asked().await;
    let text = "bad key for mode \"host-linux-foo\"\n";
    refused
        .send(format!(
            "HTTP/1.1 412 Precondition Failed\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        ))
        .await;
    assert_eq!(refused.until_closed().await, b"");
    // It waits half a minute at least; that is not waited for here.
    let again = tokio::time::timeout(Duration::from_secs(3), hub.try_dialed()).await;
    assert!(again.is_err());
    assert!(b.log().contains("bad key for mode"), "{}", b.log());
    b.end().await;
}

#[tokio::test]
async fn a_hub_that_is_not_ready_is_asked_again() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut away = hub.asked().await;
    away.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        .await;
    let mut silent = hub.dialed().await;
    silent.block().await;
    drop(silent);
    hub.registered().await;
    b.end().await;
}

#[tokio::test]
async fn the_key_goes_to_no_hub_that_it_does_not_know() {
    let hub = Hub::start().await;
    let b = hub.machine_with(&[], false);
    for _ in 0..2 {
        assert!(hub.try_dialed().await.is_err());
    }
    assert!(
        b.log().contains("failed to handshake with coordinator"),
        "{}",
        b.log()
    );
    b.end().await;
    let b = hub.machine_with(&["--insecure-skip-verify"], false);
    hub.registered().await;
    assert!(b.log().contains("--insecure-skip-verify"), "{}", b.log());
    b.end().await;
}

/// Whoever closes a client sends `/halt` and cuts the session at once: that must not undo the halt.
#[tokio::test]
async fn halt_holds_though_the_session_is_cut_behind_it() {
    let hub = Hub::start().await;
    let mut b = hub.machine();
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, PATH).await;
    let answer = picked.ask(with_body("POST", "/halt", b"")).await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nContent-Length: 0");
    drop((control, picked));
    // It does not come back for the second that it has left, though its first pause is shorter than that.
    tokio::select! {
        ended = b.ended() => assert_eq!(ended.code(), Some(0)),
        again = hub.try_dialed() => panic!("it registers again: {}", again.is_ok()),
    }
}
