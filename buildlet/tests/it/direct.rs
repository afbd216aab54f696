//! Direct mode: addresses, certificates, metadata, its end (`buildlet.md` 2.3, 2.5, 2.6).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use farm_wire::stream::Connect;
use farm_wire::tls::{TlsConnect, Trust};
use nix::sys::signal::Signal;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::harness::{Buildlet, listener_of, until, within};
use crate::origin::{Origin, Reply, ok, status};
use crate::peer::{Peer, bare, sh};

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// A buildlet with this certificate, by variables that name files; its address.
async fn with_tls(pair: &(String, String)) -> (Buildlet, std::net::SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("@{}", path.display())
    };
    let (certificate, key) = (file("cert", &pair.0), file("key", &pair.1));
    let env = [("META_tls_cert", &*certificate), ("META_tls_key", &*key)];
    let b = Buildlet::direct(&[], &env).await;
    let address = listener_of(b.pid()).unwrap();
    (b, address)
}

#[tokio::test]
async fn with_a_certificate_it_speaks_tls_and_commands_do_not_learn_the_key() {
    let pair = pair();
    let (b, address) = with_tls(&pair).await;
    let trust = Trust::Pinned(pair.0.clone().into_bytes());
    let connect = TlsConnect::new(&address.to_string(), None, &trust).unwrap();
    let mut peer = Peer::new(within("a handshake", connect.connect()).await.unwrap());
    assert_eq!(
        peer.ask(bare("GET", "/status")).await.said(),
        (200, "{\"Version\":23}")
    );
    let answer = peer.ask(sh("env")).await;
    assert!(answer.state() == "ok" && !answer.text().contains("META_"));
    // Plain HTTP is nothing it understands; others are served meanwhile.
    let mut plain = b.dial().await;
    plain.send(bare("GET", "/status")).await;
    plain.until_closed().await;
    drop(peer);
    b.end().await;
}

/// Servers of 2019 had no ALPN: a client that only offers something else is served.
#[tokio::test]
async fn the_protocol_is_not_negotiated() {
    let pair = pair();
    let (b, address) = with_tls(&pair).await;
    let said = tokio::task::spawn_blocking(move || {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(pair.0.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = "localhost".try_into().unwrap();
        let session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = rustls::StreamOwned::new(session, TcpStream::connect(address).unwrap());
        stream
            .write_all(b"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut said = String::new();
        drop(stream.read_to_string(&mut said));
        assert_eq!(stream.conn.alpn_protocol(), None);
        said
    });
    let said = said.await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    b.end().await;
}

#[tokio::test]
async fn half_a_pair_is_refused() {
    for (variable, text) in [
        ("META_tls_cert", "there is a tls-cert, but no tls-key"),
        ("META_tls_key", "there is a tls-key, but no tls-cert"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut b = Buildlet::spawn(folder, &["--listen", "127.0.0.1:0"], &[(variable, "x")]);
        assert_eq!(b.ended().await.code(), Some(1));
        assert!(b.log().contains(text), "{}", b.log());
    }
    let args = ["--listen", "127.0.0.1:0"];
    let env = [("META_tls_cert", "x"), ("META_tls_key", "y")];
    let mut b = Buildlet::spawn(tempfile::tempdir().unwrap(), &args, &env);
    assert_eq!(b.ended().await.code(), Some(1));
    assert!(b.log().contains("cannot be used"), "{}", b.log());
}

/// A metadata server that knows these attributes; its first answers are trouble.
async fn metadata(known: &'static [(&str, &str)], troubled: usize) -> Origin {
    Origin::start(move |line, count| {
        let key = line.split(['/', ' ']).rev().nth(2).unwrap();
        let found = known.iter().find(|(name, _)| *name == key);
        match found {
            _ if count < troubled => status("503 Booting"),
            Some((_, value)) => ok(value.as_bytes()),
            None => status("404 Not Found"),
        }
    })
    .await
}

#[tokio::test]
async fn a_cloud_machines_password_comes_from_its_metadata() {
    let server = metadata(&[("password", "foo")], 2).await;
    let env = [("GCE_METADATA_HOST", server.address())];
    let b = Buildlet::spawn(
        tempfile::tempdir().unwrap(),
        &["--listen", "0.0.0.0:0"],
        &env,
    );
    until("a listener", || listener_of(b.pid()).is_some()).await;
    let port = listener_of(b.pid()).unwrap().port();
    let stream = within(
        "dialing",
        tokio::net::TcpStream::connect(("127.0.0.1", port)),
    )
    .await;
    let mut peer = Peer::new(stream.unwrap());
    let with = |credentials: &str| {
        format!("GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n")
    };
    assert_eq!(peer.ask(with("Og==")).await.status, 403);
    assert_eq!(peer.ask(with("OmZvbw==")).await.status, 200);
    let requests = server.requests();
    assert!(
        requests[0].contains("\r\nmetadata-flavor: Google\r\n"),
        "{requests:?}"
    );
    assert!(requests[0].starts_with("GET /computeMetadata/v1/instance/attributes/"));
    b.end().await;
}

#[tokio::test]
async fn a_metadata_server_that_stays_in_trouble_is_fatal() {
    let server = metadata(&[], usize::MAX).await;
    let env = [("GCE_METADATA_HOST", server.address())];
    let args = ["--listen", "AUTO"];
    let mut b = Buildlet::spawn(tempfile::tempdir().unwrap(), &args, &env);
    assert_eq!(b.ended().await.code(), Some(1));
    assert!(b.log().contains("503 Service Unavailable\n"), "{}", b.log());
    assert!(server.requests().len() > 1);
    assert!(!b.work_dir().exists());
}

#[tokio::test]
async fn a_cloud_machine_without_a_password_does_not_serve_everybody() {
    let server = metadata(&[], 0).await;
    let env = [("GCE_METADATA_HOST", server.address())];
    let mut b = Buildlet::spawn(tempfile::tempdir().unwrap(), &[], &env);
    assert_eq!(b.ended().await.code(), Some(1));
    assert!(
        b.log()
            .contains("--listen [::]:80 can be reached from outside"),
        "{}",
        b.log()
    );
}

/// The metadata server would never answer.
#[tokio::test]
async fn what_flags_say_is_asked_of_nobody() {
    let silent = Origin::start(|_, _| Reply::Hang(Vec::new())).await;
    let env = [("GCE_METADATA_HOST", silent.address())];
    let b = Buildlet::direct(&[], &env).await;
    assert_eq!(b.get("/status").await.status, 200);
    b.end().await;
    assert!(silent.requests().is_empty());
}

#[tokio::test]
async fn told_to_end_it_lets_requests_end_first() {
    let mut b = Buildlet::start().await;
    let _open = b.dial().await;
    let mut peer = b.dial().await;
    let script = "touch begun; until test -e told; do sleep 0.01; done; echo whole";
    peer.send(sh(script)).await;
    until("the command", || b.work_dir().join("begun").exists()).await;
    b.signal(Signal::SIGTERM);
    until("its notice", || b.log().contains("told to end")).await;
    std::fs::write(b.work_dir().join("told"), "").unwrap();
    let answer = peer.answer().await;
    assert_eq!((answer.text(), answer.state()), ("whole\n", "ok"));
    assert_eq!(b.ended().await.code(), Some(0), "{}", b.log());
}
