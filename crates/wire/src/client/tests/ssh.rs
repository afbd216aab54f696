use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::client::TransportError;

const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: ssh\r\nConnection: Upgrade\r\n\r\n";

#[tokio::test]
async fn a_raw_stream_begins_with_what_stood_behind_the_101() {
    let fake = Fake::new();
    let client = fake.client();
    let answer = format!("{SWITCHING}SSH-2.0-x\r\n");
    let (served, stream) = tokio::join!(
        fake.serve(answer),
        client.connect_ssh("gopher", "ssh-ed25519 AAAA\n")
    );
    let (mut accepted, head, _) = served;
    assert_eq!(
        head,
        "POST /connect-ssh HTTP/1.1 | Host: b1 | User-Agent: Go-http-client/1.1 | Content-Length: 0 | \
         X-Go-Authorized-Key: ssh-ed25519 AAAA | X-Go-Ssh-User: gopher"
    );
    let mut stream = stream.unwrap();
    let mut banner = [0; 11];
    stream.read_exact(&mut banner).await.unwrap();
    assert_eq!(&banner, b"SSH-2.0-x\r\n");
    stream.write_all(b"SSH-2.0-y\r\n").await.unwrap();
    accepted.0.read_exact(&mut banner).await.unwrap();
    assert_eq!(&banner, b"SSH-2.0-y\r\n");
}

#[tokio::test]
async fn the_password_goes_along() {
    let fake = Fake::new();
    let client = fake.client().with_password("foo");
    let (served, stream) = tokio::join!(fake.serve(SWITCHING), client.connect_ssh("gopher", "key"));
    assert!(
        served
            .1
            .contains(" | Authorization: Basic Z29tb3RlOmZvbw== | "),
        "{}",
        served.1
    );
    stream.map(drop).unwrap();
}

#[tokio::test]
async fn a_machine_without_ssh_says_so() {
    let fake = Fake::new();
    let client = fake.client();
    let answer = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 16\r\n\r\nno sshd running\n";
    let (_open, stream) = tokio::join!(fake.serve(answer), client.connect_ssh("gopher", "key"));
    let error = stream.map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "buildlet: HTTP status 502: no sshd running"
    );
    let serve = async { drop(fake.serve("").await) };
    let ((), stream) = tokio::join!(serve, client.connect_ssh("gopher", "key"));
    assert!(matches!(stream.map(drop), Err(TransportError::Broke(_))));
}

#[tokio::test(start_paused = true)]
async fn connecting_takes_fifteen_seconds_at_most() {
    let fake = Fake::new();
    let client = fake.client();
    let began = tokio::time::Instant::now();
    let (_open, stream) = tokio::join!(
        fake.serve("HTTP/1.1 101"),
        client.connect_ssh("gopher", "key")
    );
    assert!(matches!(
        stream.map(drop),
        Err(TransportError::HeaderTimeout)
    ));
    assert_eq!(began.elapsed().as_secs(), 15);
}

#[tokio::test]
async fn headers_cannot_be_smuggled_in() {
    let fake = Fake::new();
    for (user, key) in [
        ("a\r\nX: y", "key"),
        ("gopher", "key\nkey"),
        ("", "key"),
        ("gopher", ""),
    ] {
        let stream = fake.client().connect_ssh(user, key).await;
        assert!(
            matches!(stream.map(drop), Err(TransportError::Local(_))),
            "{user:?} {key:?}"
        );
    }
    assert!(fake.is_left_alone());
}
