//! Looking into the process (`buildlet.md` 4, 21).

use crate::harness::{Buildlet, pids};
use crate::peer::{bare, post, sh};

#[tokio::test]
async fn supervisors_get_an_ok() {
    let b = Buildlet::direct(&[], &[("META_password", "foo")]).await;
    for method in ["GET", "POST"] {
        let answer = b.ask(bare(method, "/healthz")).await;
        assert_eq!(answer.said(), (200, "ok"));
    }
    b.end().await;
}

#[tokio::test]
async fn letters_come_in_any_number_up_to_a_million() {
    let b = Buildlet::direct(&[], &[("META_password", "foo")]).await;
    for (n, count) in [
        ("0", 0),
        ("1", 1),
        ("2048", 2048),
        ("2049", 2049),
        ("1048576", 1 << 20),
        ("1048577", 1 << 20),
        ("99999999999999999999", 1 << 20),
        ("-1", 0),
        ("-9223372036854775808", 0),
        ("x", 0),
        ("", 0),
    ] {
        let answer = b.get(&format!("/debug/x?n={n}")).await;
        assert_eq!((answer.status, answer.body.len()), (200, count), "{n}");
        assert!(answer.body.iter().all(|&byte| byte == b'X'));
        let whole = answer.head.contains("Content-Length: ");
        assert_eq!(whole, count <= 2048, "{n}: {}", answer.head);
    }
    assert_eq!(b.post("/debug/x?n=5", &[("n", "3")]).await.text(), "XXX");
    // An answer to HEAD has no body, however long that would be.
    let mut peer = b.dial().await;
    for n in ["2", "5000"] {
        peer.send(bare("HEAD", &format!("/debug/x?n={n}"))).await;
        assert_eq!(peer.answer_to_head().await.status, 200);
    }
    assert_eq!(peer.ask(bare("GET", "/debug/x?n=1")).await.text(), "X");
    b.end().await;
}

#[tokio::test]
async fn the_dump_says_what_runs() {
    let b = Buildlet::start().await;
    let mut peer = b.dial().await;
    peer.send(sh("echo $$ > pid.new; mv pid.new pid; sleep 1000"))
        .await;
    pids(&b.work_dir().join("pid")).await;
    for method in ["GET", "POST", "BREW"] {
        let answer = b.ask(bare(method, "/debug/goroutines")).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() <= 2 << 20);
        assert!(
            answer
                .head
                .ends_with("Content-Type: text/plain; charset=utf-8")
        );
        let text = answer.text();
        for part in [
            "threads:\n",
            " S forker\n",
            " waiter\n",
            "VmRSS:",
            "\ncommands: 1\n",
            "\nup: ",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
    drop(peer);
    b.nothing_runs().await;
    b.end().await;
}

/// In 2019 it was open.
#[tokio::test]
async fn the_dump_is_behind_the_password() {
    let b = Buildlet::direct(&[], &[("META_password", "foo")]).await;
    let answer = b.get("/debug/goroutines").await;
    assert_eq!(answer.said(), (403, "invalid password\n"));
    let request =
        "GET /debug/goroutines HTTP/1.1\r\nHost: x\r\nAuthorization: Basic OmZvbw==\r\n\r\n";
    assert_eq!(b.ask(request).await.status, 200);
    b.end().await;
}

#[tokio::test]
async fn forms_may_come_in_parts() {
    let b = Buildlet::start().await;
    let part = |name: &str, text: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let ask = |target: &str, body: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: b1\r\nContent-Type: multipart/form-data; boundary=xyz\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let body = [
        part("cmd", "/bin/sh"),
        part("mode", "sys"),
        part("cmdArg", "-c"),
        part("cmdArg", "echo $A \"$1\""),
        part("cmdArg", "sh"),
        part("cmdArg", "two\r\nlines & more"),
        part("env", "A=b"),
        "--xyz--\r\n".to_owned(),
    ]
    .concat();
    let mut peer = b.dial().await;
    // The body counts first.
    let answer = peer
        .ask(ask("/exec?cmd=%2Fbin%2Ffalse&cmdArg=query", &body))
        .await;
    assert_eq!(
        (answer.text(), answer.state()),
        ("b two\r\nlines & more\n", "ok")
    );
    // One that breaks off, one of more than 10 MiB and one without its boundary have no parameters.
    let cut = &body[..body.len() - 20];
    let long = part("path", &"x".repeat(11 << 20)) + "--xyz--\r\n";
    for body in [cut, &long, "cmd=x"] {
        let answer = b.ask(ask("/removeall", body)).await;
        assert_eq!(answer.said(), (400, "requires 'path' parameter\n"));
    }
    let removed = [
        part("path", "a"),
        part("path", "b"),
        "--xyz--\r\n".to_owned(),
    ]
    .concat();
    for name in ["a", "b", "c"] {
        std::fs::write(b.work_dir().join(name), "").unwrap();
    }
    let answer = peer.ask(ask("/removeall?path=c", &removed)).await;
    assert_eq!(answer.said(), (200, ""));
    for name in ["a", "b", "c"] {
        assert!(!b.work_dir().join(name).exists());
    }
    assert_eq!(peer.ask(post("/exec", &[])).await.status, 400);
    b.end().await;
}
