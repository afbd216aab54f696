use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Empty, Full};

use super::*;
use crate::client::TransportError;

fn request(method: &str, target: &str) -> http::request::Builder {
    Request::builder().method(method).uri(target)
}

fn fields(head: &str) -> Vec<&str> {
    let mut fields: Vec<_> = head.split(" | ").collect();
    fields[1..].sort_unstable();
    fields
}

#[tokio::test]
async fn a_request_goes_on_with_our_credentials_and_not_the_callers() {
    let fake = Fake::new();
    let asked = request("PUT", "https://farm/write?path=a%20b&mode=420")
        .header("Host", "farm")
        .header("Authorization", "Basic c2VjcmV0")
        .header("Proxy-Authorization", "secret")
        .header("Cookie", "secret")
        .header("X-Buildlet-Proxy", "gopher-linux-0")
        .header("Connection", "keep-alive, X-Hop")
        .header("X-Hop", "1")
        .header("X-Mine", "kept")
        .header("Content-Length", "5")
        .body(Full::new(Bytes::from_static(b"hello")))
        .unwrap();
    let client = fake.client();
    let (served, answer) = tokio::join!(fake.serve(ok("OK")), client.forward(asked));
    let line = "PUT /write?path=a%20b&mode=420 HTTP/1.1";
    assert_eq!(
        fields(&served.1),
        [line, "Content-Length: 5", "Host: b1", "X-Mine: kept"]
    );
    assert_eq!(served.2, b"hello");
    let body = answer.unwrap().into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "OK");
    // A request that should have a body says that it has none.
    let (client, asked) = (fake.client(), request("POST", "/halt"));
    let asked = asked.body(Empty::<Bytes>::new()).unwrap();
    let (served, _answer) = tokio::join!(fake.serve(ok("")), client.forward(asked));
    assert_eq!(
        fields(&served.1),
        ["POST /halt HTTP/1.1", "Content-Length: 0", "Host: b1"]
    );
    let client = fake.client().with_password("foo");
    let asked = request("GET", "/status")
        .header("Authorization", "Basic c2VjcmV0")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let (served, _answer) = tokio::join!(fake.serve(ok("")), client.forward(asked));
    let ours = "Authorization: Basic Z29tb3RlOmZvbw==";
    assert_eq!(
        fields(&served.1),
        ["GET /status HTTP/1.1", ours, "Host: b1"]
    );
}

#[tokio::test]
async fn trailers_come_back_and_the_connection_is_used_again() {
    let fake = Fake::new();
    let client = fake.client();
    let answer = "HTTP/1.1 200 OK\r\nTrailer: Process-State\r\nTransfer-Encoding: chunked\r\nConnection: X\r\nX: 1\r\n\r\n\
        2\r\nhi\r\n0\r\nProcess-State: exit status 3\r\n\r\n";
    let asked = request("POST", "/exec")
        .body(Full::new(Bytes::from_static(b"cmd=x")))
        .unwrap();
    let (served, answer) = tokio::join!(fake.serve(answer), client.forward(asked));
    let answer = answer.unwrap();
    let head: Vec<_> = answer.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(head, ["trailer"]);
    let body = answer.into_body().collect().await.unwrap();
    let state = |trailers: &HeaderMap| trailers["process-state"].clone();
    assert_eq!(body.trailers().map(state).unwrap(), "exit status 3");
    assert_eq!(body.to_bytes(), "hi");
    let mut accepted = served.0;
    let again = async {
        accepted.request().await;
        accepted.say(ok("/w")).await;
    };
    let ((), dir) = tokio::join!(again, client.work_dir());
    assert_eq!(dir.unwrap(), "/w");
}

#[tokio::test]
async fn refusals_are_answers_too() {
    let fake = Fake::new();
    let client = fake.client();
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nno!\n";
    let asked = request("GET", "/tgz?dir=..")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let (_open, answer) = tokio::join!(fake.serve(refused), client.forward(asked));
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(
        answer.into_body().collect().await.unwrap().to_bytes(),
        "no!\n"
    );
}

#[tokio::test]
async fn a_body_that_fails_breaks_the_request_off() {
    let fake = Fake::new();
    let client = fake.client();
    let broken = futures::stream::iter([
        Ok(http_body::Frame::data(Bytes::from_static(b"half"))),
        Err(std::io::Error::other("caller went")),
    ]);
    let asked = request("PUT", "/writetgz")
        .body(http_body_util::StreamBody::new(broken))
        .unwrap();
    let serve = async {
        let mut accepted = fake.accept().await;
        let mut rest = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut accepted.0, &mut rest)
            .await
            .unwrap();
        rest
    };
    let (rest, answer) = tokio::join!(serve, client.forward(asked));
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it must not look complete");
    assert!(matches!(answer.map(drop), Err(TransportError::Http(_))));
}

#[tokio::test]
async fn death_and_dropping_end_what_is_passed_on() {
    let fake = Fake::new();
    let client = fake.client();
    let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
    for dies in [true, false] {
        let client = if dies { client.clone() } else { fake.client() };
        let asked = request("POST", "/exec")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let (served, answer) = tokio::join!(fake.serve(begun), client.forward(asked));
        let mut body = answer.unwrap().into_body();
        assert_eq!(
            body.frame().await.unwrap().unwrap().into_data().unwrap(),
            "hi"
        );
        if dies {
            let (_halt, ()) = tokio::join!(fake.serve(ok("")), client.close());
            let end = body.frame().await.unwrap();
            assert!(matches!(end, Err(TransportError::Dead(_))), "{end:?}");
            assert!(body.frame().await.is_none());
        }
        drop(body);
        let mut accepted = served.0;
        accepted.closed().await;
    }
}
