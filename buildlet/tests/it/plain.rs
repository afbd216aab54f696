//! Short answers, to the byte (`buildlet.md` 3, 4.1, 4.8, 22).

use nix::sys::signal::Signal;

use crate::harness::{Buildlet, gone, listener_of, pids};
use crate::peer::{bare, post, sh, with_body};

#[tokio::test]
async fn status_is_these_bytes() {
    let b = Buildlet::start().await;
    for host in ["Host: x", "Host:", "Host: "] {
        let answer = b
            .ask(format!("GET /status HTTP/1.1\r\n{host}\r\n\r\n"))
            .await;
        assert_eq!(
            answer.head,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 14"
        );
        assert_eq!(answer.text(), "{\"Version\":23}");
    }
    b.end().await;
}

#[tokio::test]
async fn the_root_says_that_it_lives_and_workdir_where() {
    let b = Buildlet::start().await;
    for method in ["GET", "POST", "PUT"] {
        let answer = b.ask(bare(method, "/")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("buildlet running on linux-"));
    }
    let answer = b.get("/workdir").await;
    assert_eq!(answer.said(), (200, b.work_dir().to_str().unwrap()));
    assert!(
        answer
            .head
            .ends_with("Content-Type: text/plain; charset=utf-8")
    );
    b.end().await;
}

#[tokio::test]
async fn unknown_paths_are_404_and_unclean_ones_moved() {
    let b = Buildlet::start().await;
    for target in [
        "/nothing",
        "/status/",
        "/status/x",
        "/Status",
        "/reverse",
        "/favicon.ico?x",
    ] {
        let answer = b.get(target).await;
        assert_eq!(answer.said(), (404, "404 page not found\n"), "{target}");
        assert_eq!(
            answer.head,
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
             X-Content-Type-Options: nosniff\r\nContent-Length: 19"
        );
    }
    for (target, clean, shown) in [
        ("//status?a=b&c", "/status?a=b&c", "/status?a=b&amp;c"),
        ("/x/../status", "/status", "/status"),
        ("/a%20b/./%22", "/a%20b/%22", "/a%20b/%22"),
    ] {
        let answer = b.get(target).await;
        let page = format!("<a href=\"{shown}\">Moved Permanently</a>.\n\n");
        assert_eq!(
            answer.head,
            format!(
                "HTTP/1.1 301 Moved Permanently\r\nContent-Type: text/html; charset=utf-8\r\nLocation: {clean}\r\n\
                 Content-Length: {}",
                page.len()
            )
        );
        assert_eq!(answer.text(), page);
        let posted = b.ask(bare("POST", target)).await;
        let head =
            format!("HTTP/1.1 301 Moved Permanently\r\nLocation: {clean}\r\nContent-Length: 0");
        assert_eq!(posted.head, head);
    }
    b.end().await;
}

#[tokio::test]
async fn wrong_methods_are_400_in_the_words_of_2019() {
    let b = Buildlet::start().await;
    let (get, post, put_or_post) = (
        "requires GET method\n",
        "requires POST method\n",
        "requires PUT or POST method\n",
    );
    for (path, right, text) in [
        ("/status", &["GET"][..], get),
        ("/workdir", &["GET"], get),
        ("/tgz", &["GET"], get),
        ("/ls", &["GET"], get),
        ("/connect-ssh", &["POST"], post),
        ("/writetgz", &["PUT", "POST"], put_or_post),
        ("/write", &["PUT"], post),
        ("/removeall", &["POST"], post),
        ("/exec", &["POST"], post),
        ("/halt", &["POST"], post),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "BREW"] {
            if !right.contains(&method) {
                assert_eq!(
                    b.ask(bare(method, path)).await.said(),
                    (400, text),
                    "{method} {path}"
                );
            }
        }
        let mut peer = b.dial().await;
        peer.send(bare("HEAD", path)).await;
        assert_eq!(peer.answer_to_head().await.status, 400, "HEAD {path}");
        assert_eq!(peer.ask(bare("GET", "/status")).await.status, 200);
    }
    b.end().await;
}

#[tokio::test]
async fn a_connection_serves_request_after_request() {
    let b = Buildlet::start().await;
    let mut peer = b.dial().await;
    // Bodies that nobody wanted, a command, and byte by byte.
    assert_eq!(
        peer.ask(with_body("GET", "/status", b"unwanted"))
            .await
            .status,
        200
    );
    assert_eq!(
        peer.ask(with_body("DELETE", "/halt", &[b'x'; 100_000]))
            .await
            .status,
        400
    );
    assert_eq!(peer.ask(sh("echo hello")).await.state(), "ok");
    for byte in bare("GET", "/status").bytes() {
        peer.send([byte]).await;
    }
    assert_eq!(peer.answer().await.status, 200);
    // Sent at once, answered in order.
    let three = [
        bare("GET", "/status"),
        bare("GET", "/nothing"),
        bare("GET", "/status"),
    ]
    .concat();
    peer.send(three).await;
    for status in [200, 404, 200] {
        assert_eq!(peer.answer().await.status, status);
    }
    let chunked = "PUT /write?path=c&mode=420 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n";
    assert_eq!(peer.ask(chunked).await.said(), (200, "OK"));
    assert_eq!(
        std::fs::read_to_string(b.work_dir().join("c")).unwrap(),
        "hello!"
    );
    let last = peer
        .ask("GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    assert!(
        last.head.ends_with("\r\nConnection: close"),
        "{}",
        last.head
    );
    assert_eq!(peer.until_closed().await, b"");
    b.end().await;
}

#[tokio::test]
async fn a_client_that_waits_for_a_100_gets_it_only_when_its_body_is_wanted() {
    let b = Buildlet::start().await;
    let head = |method| {
        format!(
            "{method} /write?path=f&mode=420 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
    };
    let mut peer = b.dial().await;
    peer.send(head("PUT")).await;
    assert_eq!(peer.block().await, "HTTP/1.1 100 Continue\r\n");
    assert_eq!(peer.ask("hi").await.said(), (200, "OK"));
    let answer = peer.ask(head("GET")).await;
    assert_eq!(answer.said(), (400, "requires POST method\n"));
    assert_eq!(peer.until_closed().await, b"");
    b.end().await;
}

#[tokio::test]
async fn what_is_no_request_is_400_and_closes() {
    let b = Buildlet::start().await;
    for (request, text) in [
        (
            "GET /status HTTP/1.1\r\n\r\n",
            "400 Bad Request: missing required Host header",
        ),
        ("nonsense\r\n\r\n", "400 Bad Request: malformed head"),
        (
            "POST /exec HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400 Bad Request: both Transfer-Encoding and Content-Length",
        ),
    ] {
        let mut peer = b.dial().await;
        assert_eq!(peer.ask(request).await.said(), (400, text));
        assert_eq!(peer.until_closed().await, b"");
    }
    let mut peer = b.dial().await;
    let long = format!(
        "GET /status HTTP/1.1\r\nHost: x\r\nA: {}",
        "a".repeat(70_000)
    );
    assert_eq!(peer.ask(long).await.status, 431);
    let mut old = b.dial().await;
    let answer = old
        .ask("GET /status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        .await;
    assert_eq!(answer.said(), (200, "{\"Version\":23}"));
    assert_eq!(old.until_closed().await, b"");
    b.end().await;
}

#[tokio::test]
async fn halt_answers_at_once_and_ends_a_second_later() {
    let mut b = Buildlet::start().await;
    let file = b.outside("pids");
    let mut command = b.dial().await;
    let script = format!(
        "sleep 1000 & echo $! $$ > {0}.new; mv {0}.new {0}; wait",
        file.display()
    );
    command.send(sh(&script)).await;
    let running = pids(&file).await;
    let mut peer = b.dial().await;
    let began = std::time::Instant::now();
    let answer = peer.ask(with_body("POST", "/halt", b"")).await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nContent-Length: 0");
    // That second is still served, on old and new connections.
    assert_eq!(peer.ask(bare("GET", "/status")).await.status, 200);
    assert_eq!(b.get("/status").await.status, 200);
    assert_eq!(b.ended().await.code(), Some(0));
    assert!(began.elapsed().as_millis() >= 1000);
    assert_eq!(peer.until_closed().await, b"");
    gone(&running).await;
    b.nothing_runs().await;
}

#[tokio::test]
async fn a_clean_end_on_signals_and_on_nothing_else() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut b = Buildlet::start().await;
        // A client that only looks on does not hold it up, nor does one that goes away badly end it.
        let _idle = b.dial().await;
        drop(b.dial().await);
        b.dial()
            .await
            .send("POST /exec HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\ncmd=")
            .await;
        assert_eq!(b.get("/status").await.status, 200);
        assert!(listener_of(b.pid()).is_some());
        b.signal(signal);
        assert_eq!(b.ended().await.code(), Some(0));
    }
}

#[tokio::test]
async fn parameters_come_from_query_and_form_and_the_form_counts_first() {
    let b = Buildlet::start().await;
    let answer = b
        .ask(post(
            "/exec?cmd=%2Fbin%2Ffalse&mode=sys",
            &[("cmd", "/bin/true")],
        ))
        .await;
    assert_eq!(answer.state(), "ok");
    assert_eq!(
        b.ask(bare("POST", "/exec?cmd=%2Fbin%2Ffalse&mode=sys"))
            .await
            .state(),
        "exit status 1"
    );
    // Arguments and environment in the body alone.
    let target = "/exec?cmdArg=-c&cmdArg=echo+query&env=A%3Db";
    let answer = b
        .ask(post(target, &[("cmd", "/usr/bin/env"), ("mode", "sys")]))
        .await;
    assert_eq!(answer.state(), "ok");
    assert!(!answer.text().contains("A=b"), "{}", answer.text());
    // A body that is no form has no parameters.
    let answer = b.ask(with_body("POST", "/exec", b"cmd=a")).await;
    assert_eq!(answer.said(), (400, "requires 'cmd' parameter\n"));
    // One of more than 10 MiB counts as none.
    let answer = b
        .ask(post("/removeall", &[("path", &"x".repeat(11 << 20))]))
        .await;
    assert_eq!(answer.said(), (400, "requires 'path' parameter\n"));
    b.end().await;
}
