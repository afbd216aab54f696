//! Looking into the process (`buildlet.md` 4, 21).

use crate::harness::{Buildlet, pids, within};
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
    // Who does not know chunks gets none.
    let mut old = b.dial().await;
    let answer = old.ask("GET /debug/x?n=5000 HTTP/1.0\r\n\r\n").await;
    assert_eq!(
        answer.head,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close"
    );
    assert_eq!(answer.body, [b'X'; 5000]);
    b.end().await;
}

#[tokio::test]
async fn the_dump_says_what_runs() {
    let b = Buildlet::start().await;
    let mut peer = b.dial().await;
    peer.send(sh("echo $$ > pid.new; mv pid.new pid; sleep 1000"))
        .await;
    let pid = pids(&b.work_dir().join("pid")).await[0];
    told(&b, |text| {
        let parts = ["up: ", "\ncommands: 1\n", "VmRSS:", "threads:\n"];
        // Number and name, whatever their state is.
        let tasks: Vec<_> = text.lines().filter_map(task).collect();
        let has = |name: &str| tasks.iter().any(|(_, of)| *of == name);
        parts.iter().all(|part| text.contains(part))
            && tasks.contains(&(pid, "sh"))
            && has("forker")
            && has("waiter")
    })
    .await;
    for method in ["POST", "BREW"] {
        let answer = b.ask(bare(method, "/debug/goroutines")).await;
        let typed = "Content-Type: text/plain; charset=utf-8";
        assert!(answer.status == 200 && answer.head.ends_with(typed));
        assert!(answer.body.len() <= 2 << 20);
    }
    drop(peer);
    told(&b, |text| text.contains("\ncommands: 0\n")).await;
    b.end().await;
}

/// Waits until a dump says so: what begins is seen a moment later.
async fn told(b: &Buildlet, is_so: impl Fn(&str) -> bool) {
    let told = async || is_so(b.get("/debug/goroutines").await.text());
    within("a dump", async { while !told().await {} }).await;
}

/// `  123 S name`.
fn task(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix("  ")?.split_once(' ')?;
    Some((number.parse().ok()?, rest.get(2..)?))
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
