//! Who may use it (`buildlet.md` 3.2).

use crate::harness::{Buildlet, listener_of, until};
use crate::peer::{bare, sh};

/// `GET /status` with these credentials, in base64.
fn status(credentials: &str) -> String {
    format!("GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n")
}

#[tokio::test]
async fn a_password_is_asked_for_and_the_user_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, " foo\n").unwrap();
    let b = Buildlet::direct(&["--password-file", file.to_str().unwrap()], &[]).await;
    let refused = b.get("/status").await;
    assert_eq!(
        refused.head,
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n\
         X-Content-Type-Options: nosniff\r\nContent-Length: 17"
    );
    assert_eq!(refused.text(), "invalid password\n");
    // `:foo`, `gomote:foo`.
    for right in ["OmZvbw==", "Z29tb3RlOmZvbw=="] {
        assert_eq!(b.ask(status(right)).await.said(), (200, "{\"Version\":23}"));
    }
    // Nothing, a beginning, another letter, more, another's case, no colon, no base64, `foo` as the user.
    for wrong in [
        "Og==", "OmZv", "OmZvcA==", "OmZvb28=", "OkZPTw==", "Zm9v", "%%%", "Zm9vOg==",
    ] {
        assert_eq!(b.ask(status(wrong)).await.status, 403, "{wrong}");
    }
    let bearer = "GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer OmZvbw==\r\n\r\n";
    assert_eq!(b.ask(bearer).await.status, 403);
    b.end().await;
}

#[tokio::test]
async fn every_endpoint_is_closed_but_the_probes() {
    let b = Buildlet::direct(&[], &[("META_password", "foo")]).await;
    for path in [
        "/status",
        "/workdir",
        "/debug/goroutines",
        "/connect-ssh",
        "/ls",
        "/tgz",
        "/writetgz",
        "/write",
        "/removeall",
        "/exec",
        "/halt",
    ] {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            let answer = b.ask(bare(method, path)).await;
            assert_eq!(
                answer.said(),
                (403, "invalid password\n"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(b.ask(sh("touch touched")).await.status, 403);
    assert!(!b.work_dir().join("touched").exists());
    for probe in ["/", "/healthz", "/debug/x"] {
        assert_eq!(b.get(probe).await.status, 200, "{probe}");
    }
    assert_eq!(b.get("/nothing").await.status, 404);
    b.end().await;
}

#[tokio::test]
async fn commands_do_not_learn_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "secret\n").unwrap();
    let env = format!("@{}", file.display());
    let b = Buildlet::direct(&[], &[("META_password", &env), ("META_other", "other")]).await;
    let request = String::from_utf8(sh("env")).unwrap();
    // `:secret`.
    let request = request.replace("Host: b1", "Host: b1\r\nAuthorization: Basic OnNlY3JldA==");
    let answer = b.ask(request).await;
    assert_eq!(answer.state(), "ok");
    assert!(!answer.text().contains("META_"), "{}", answer.text());
    b.end().await;
}

/// A form can be sent to any address by any page that a browser on the machine shows.
#[tokio::test]
async fn pages_in_a_browser_cannot_run_commands() {
    let b = Buildlet::start().await;
    let with = |field: &str| {
        let request = String::from_utf8(sh("touch touched")).unwrap();
        request.replace("Host: b1", &format!("Host: b1\r\n{field}"))
    };
    for field in [
        "Origin: https://example.org",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-origin",
    ] {
        assert_eq!(b.ask(with(field)).await.status, 403, "{field}");
    }
    assert!(!b.work_dir().join("touched").exists());
    assert_eq!(b.ask(with("Sec-Fetch-Site: none")).await.state(), "ok");
    b.end().await;
}

#[tokio::test]
async fn without_a_password_it_listens_on_loopback_alone() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut b = Buildlet::spawn(
            tempfile::tempdir().unwrap(),
            &["--listen", address],
            &[("META_password", "")],
        );
        assert_eq!(b.ended().await.code(), Some(1));
        assert!(b.log().contains("give --password-file"), "{}", b.log());
        assert!(!b.work_dir().exists());
    }
    let b = Buildlet::spawn(
        tempfile::tempdir().unwrap(),
        &["--listen", "0.0.0.0:0"],
        &[("META_password", "x")],
    );
    until("a listener", || listener_of(b.pid()).is_some()).await;
    assert!(listener_of(b.pid()).unwrap().ip().is_unspecified());
    b.end().await;
}

#[tokio::test]
async fn what_it_cannot_use_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    for (args, text) in [
        (
            &["--listen", "127.0.0.1:0", "--password-file", empty][..],
            "holds no password",
        ),
        (
            &["--listen", "127.0.0.1:0", "--password-file", "/none"],
            "cannot read /none",
        ),
        (
            &["--reverse-type", "t", "--key-file", empty],
            "holds no key",
        ),
        (&["--reverse-type", "t"], "/home/of/nobody/.gobuildkey-t"),
        (
            &["--reverse-type", "t", "--key-file", empty, "--ca", "/none"],
            "--ca names",
        ),
    ] {
        let mut b = Buildlet::spawn(tempfile::tempdir().unwrap(), args, &[]);
        assert_eq!(b.ended().await.code(), Some(1), "{args:?}");
        assert!(b.log().contains(text), "{args:?}: {}", b.log());
    }
}
