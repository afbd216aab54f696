//! Modules for commands, through the coordinator (`buildlet.md` 8.6).

use crate::harness::{gone, until};
use crate::hub::Hub;
use crate::peer::{bare, sh_with};

/// Asks the module proxy for `target`, prints the answer.
fn fetching(target: &str) -> Vec<u8> {
    let script = format!(
        "port=${{GOPROXY##*:}}; echo $GOPROXY | sed 's/[0-9][0-9]*$/PORT/'; echo $port > port\n\
         bash -c 'exec 3<>/dev/tcp/127.0.0.1/'$port'; \
         printf \"{target} HTTP/1.1\\r\\nHost: a\\r\\nAuthorization: Basic eA==\\r\\nAccept: b\\r\\nX-Proxy-Service: c\\r\\n\\r\\n\" >&3; \
         cat <&3'"
    );
    sh_with(&script, &[ASKING])
}

const ASKING: (&str, &str) = ("env", "GO_BUILDER_SET_GOPROXY=coordinator");

#[tokio::test]
async fn a_command_reaches_modules_with_the_machines_credentials_while_it_runs() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, "/revdial?1").await;
    picked
        .send(fetching("GET /golang.org/x/text/@v/list?a=b"))
        .await;
    let mut asked = hub.dialed().await;
    // `host-linux-foo` and its key.
    assert_eq!(
        asked.block().await,
        "GET /golang.org/x/text/@v/list?a=b HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: b\r\n\
         Authorization: Basic aG9zdC1saW51eC1mb286MmMzNzUxYzk0OGEzZjc2MzY3MjM5NzY0MmFjNTUxNWM=\r\n\
         X-Proxy-Service: module-cache\r\nConnection: close\r\n"
    );
    asked
        .send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nv0.3.0\n")
        .await;
    drop(asked);
    let answer = picked.answer().await;
    assert_eq!(
        answer.text(),
        "http://localhost:PORT\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nv0.3.0\n"
    );
    assert_eq!(answer.state(), "ok");
    // The port is closed with the command.
    let port = std::fs::read_to_string(b.work_dir().join("port")).unwrap();
    let port: u16 = port.trim().parse().unwrap();
    until("the port's end", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
    })
    .await;
    b.end().await;
}

#[tokio::test]
async fn only_modules_are_asked_for() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, "/revdial?1").await;
    for target in ["POST /x", "CONNECT a:443", "GET http://a/b"] {
        let answer = picked.ask(fetching(target)).await;
        assert!(
            answer.text().contains("\nHTTP/1.1 400 Bad Request\r\n"),
            "{target}: {answer:?}"
        );
    }
    b.end().await;
}

#[tokio::test]
async fn no_command_gets_it_unasked_and_its_port_dies_with_the_client() {
    let hub = Hub::start().await;
    let b = hub.machine();
    let mut control = hub.registered().await;
    let mut picked = hub.picked_up(&mut control, "/revdial?1").await;
    let other = ("env", "GO_BUILDER_SET_GOPROXY=other");
    let answer = picked.ask(sh_with("echo \"<$GOPROXY>\"", &[other])).await;
    assert_eq!(answer.text(), "<>\n");
    let script = "echo ${GOPROXY##*:} > port; echo $$ > new; mv new pid; exec sleep 1000";
    picked.send(sh_with(script, &[ASKING])).await;
    let pids = crate::harness::pids(&b.work_dir().join("pid")).await;
    let port = std::fs::read_to_string(b.work_dir().join("port")).unwrap();
    let port: u16 = port.trim().parse().unwrap();
    drop(picked);
    gone(&pids).await;
    until("the port's end", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
    })
    .await;
    // The machine is as it was.
    let mut again = hub.picked_up(&mut control, "/revdial?2").await;
    assert_eq!(again.ask(bare("GET", "/status")).await.status, 200);
    b.end().await;
}
