use tokio::net::TcpListener;

use super::*;

fn master(text: &str) -> MasterKey {
    MasterKey::new(text.as_bytes()).unwrap()
}

fn acceptor(hub: &str, key: &str) -> LinkAcceptor {
    let made = rcgen::generate_simple_self_signed(vec!["hub".to_owned()]).unwrap();
    let (certificate, secret) = (made.cert.pem(), made.signing_key.serialize_pem());
    LinkAcceptor::new(hub, &master(key), certificate.as_bytes(), secret.as_bytes()).unwrap()
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// What both sides get when a hub `h1` with `key` looks for `wanted` at the hub `h2` of the farm `farm`.
async fn link(key: &str, wanted: &str) -> (io::Result<DialedLink>, io::Result<String>) {
    let (listener, address) = listener().await;
    let (dialer, acceptor) = (
        LinkDialer::new("h1", &master(key)).unwrap(),
        acceptor("h2", "farm"),
    );
    let accept = async {
        let (tcp, _) = listener.accept().await.unwrap();
        let (from, mut link) = acceptor.accept(tcp).await?;
        link.write_all(b"bytes").await?;
        link.shutdown().await?;
        Ok(from)
    };
    tokio::join!(dialer.dial(&address, wanted), accept)
}

#[tokio::test]
async fn hubs_of_one_farm_know_each_other_and_bytes_pass() {
    let (dialed, accepted) = link("farm", "h2").await;
    assert_eq!(accepted.unwrap(), "h1");
    let mut text = String::new();
    dialed.unwrap().read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "bytes");
}

#[tokio::test]
async fn a_stranger_and_a_wrong_address_are_told_apart() {
    let (dialed, accepted) = link("other", "h2").await;
    assert_eq!(dialed.unwrap_err().to_string(), "it has another master key");
    assert!(accepted.unwrap_err().to_string().contains("master key"));
    let (dialed, accepted) = link("farm", "h3").await;
    assert!(dialed.unwrap_err().to_string().contains("is not hub h3"));
    assert!(accepted.is_err());
}

/// Ends TLS to both sides and passes on what each says: proofs are of another connection then.
#[tokio::test]
async fn nobody_can_sit_between_two_hubs() {
    let (inner, inner_address) = listener().await;
    let (outer, outer_address) = listener().await;
    let (h2, between) = (acceptor("h2", "farm"), acceptor("h2", "unknown"));
    let accept = async {
        let (tcp, _) = inner.accept().await.unwrap();
        h2.accept(tcp).await.map(drop)
    };
    let pass_on = async {
        let (tcp, _) = outer.accept().await.unwrap();
        let mut from_h1 = between.acceptor.accept(tcp).await.unwrap();
        let unknown = LinkDialer::new("h1", &master("unknown")).unwrap();
        let tcp = TcpStream::connect(&inner_address).await.unwrap();
        let name = ServerName::try_from("hub").unwrap();
        let mut to_h2 = unknown.connector.connect(name, tcp).await.unwrap();
        drop(tokio::io::copy_bidirectional(&mut from_h1, &mut to_h2).await);
    };
    let h1 = LinkDialer::new("h1", &master("farm")).unwrap();
    let (dialed, accepted, ()) = tokio::join!(h1.dial(&outer_address, "h2"), accept, pass_on);
    assert!(dialed.is_err());
    assert!(accepted.unwrap_err().to_string().contains("master key"));
}
