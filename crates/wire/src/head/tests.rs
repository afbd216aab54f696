use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_request_with_an_empty_host_and_no_upgrade_is_read() {
    let bytes = &b"GET /revdial?revdial.dialer=0a&pickup=1b HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\r\nmore"[..];
    let (head, mut rest) = read_request(bytes, SECOND).await.unwrap();
    assert_eq!((head.method.as_str(), head.path()), ("GET", "/revdial"));
    assert_eq!(head.query("revdial.dialer"), Some("0a"));
    assert_eq!(head.query("pickup"), Some("1b"));
    assert_eq!(head.query("absent"), None);
    assert_eq!(head.headers.get("host"), Some(""));
    let mut surplus = String::new();
    rest.read_to_string(&mut surplus).await.unwrap();
    assert_eq!(surplus, "more");
}

#[tokio::test]
async fn a_request_can_be_read_again_by_an_ordinary_server() {
    let bytes = &b"GET / HTTP/1.1\r\nHost: x\r\n\r\nbody"[..];
    let (head, rest) = read_request(bytes, SECOND).await.unwrap();
    let mut all = Vec::new();
    head.rewind(rest).read_to_end(&mut all).await.unwrap();
    assert_eq!(all, bytes);
}

#[tokio::test]
async fn an_answer_of_protocol_0_0_is_read_and_surplus_kept() {
    let (head, rest) = read_answer(&b"HTTP/0.0 101 Switching Protocols\r\n\r\n{}\n"[..], SECOND)
        .await
        .unwrap();
    assert_eq!(
        (head.status, head.reason.as_str()),
        (101, "Switching Protocols")
    );
    assert_eq!(&rest.prefix()[..], b"{}\n");
}

#[tokio::test]
async fn a_head_split_anywhere_is_read() {
    let bytes = b"HTTP/1.1 101 X\r\nA: b\r\n\r\n";
    for at in 1..bytes.len() {
        let (mut here, there) = tokio::io::duplex(64);
        let write = async {
            here.write_all(&bytes[..at]).await.unwrap();
            tokio::task::yield_now().await;
            here.write_all(&bytes[at..]).await.unwrap();
        };
        let ((), read) = tokio::join!(write, read_answer(there, SECOND));
        assert_eq!(read.unwrap().0.headers.get("a"), Some("b"), "split at {at}");
    }
}

#[tokio::test]
async fn what_is_no_head_is_refused() {
    for bad in [
        "HTTP/11 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "x\r\n\r\n",
    ] {
        assert!(
            matches!(
                read_answer(bad.as_bytes(), SECOND).await,
                Err(HeadError::Malformed(_))
            ),
            "{bad:?}"
        );
    }
    assert!(matches!(
        read_answer(&b"HTTP/1.1 101 X\r\n"[..], SECOND).await,
        Err(HeadError::Ended)
    ));
}

#[tokio::test]
async fn a_head_of_16_kib_passes_and_one_byte_more_does_not() {
    let head = |length: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(length - 23));
    assert_eq!(head(MAX_HEAD).len(), MAX_HEAD);
    assert!(
        read_request(head(MAX_HEAD).as_bytes(), SECOND)
            .await
            .is_ok()
    );
    assert!(matches!(
        read_request(head(MAX_HEAD + 1).as_bytes(), SECOND).await,
        Err(HeadError::TooLong)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_dawdles_is_given_up() {
    let (mut here, there) = tokio::io::duplex(64);
    here.write_all(b"GET /reverse").await.unwrap();
    assert!(matches!(
        read_request(there, SECOND).await,
        Err(HeadError::TimedOut)
    ));
}

#[tokio::test]
async fn a_refusal_looks_as_gos_server_writes_it() {
    let mut out = Vec::new();
    let refusal = Refusal::new(400, "unknown dialer");
    write_refusal(&mut out, &refusal, SystemTime::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n\
         Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 15\r\n\r\nunknown dialer\n"
    );
}
