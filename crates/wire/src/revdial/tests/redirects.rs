//! A front end that redirects (`revdial.md` 9, 2021-10): the machine's side. Our hub sends none.

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::task::JoinSet;

use super::{expect, head, network, request};
use crate::revdial::listener::*;
use crate::reverse::RevdialVersion;

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

fn redirect(location: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Registers with a hub that gives these answers on one connection; the request lines it saw, and what came of it.
async fn registered(answers: &[String]) -> (Vec<String>, Result<(), String>) {
    let (connect, mut dialed) = network();
    let hub = async {
        let mut far = dialed.recv().await.unwrap();
        let mut lines = Vec::new();
        for answer in answers {
            let head = head(&mut far).await;
            assert!(
                head.ends_with("X-Go-Host-Type: host-linux-foo\r\nX-Revdial-Version: 2\r\n\r\n")
            );
            lines.push(head.lines().next().unwrap().to_owned());
            far.write_all(answer.as_bytes()).await.unwrap();
        }
        (far, lines)
    };
    let machine = async {
        let request = request(RevdialVersion::V2);
        let registered = register(&*connect, &request).await;
        registered.map(drop).map_err(|error| error.to_string())
    };
    let ((_far, lines), registered) = tokio::join!(hub, machine);
    assert!(dialed.try_recv().is_err(), "one connection");
    (lines, registered)
}

#[tokio::test]
async fn a_registration_is_repeated_on_the_same_connection_where_it_is_redirected_to() {
    for (location, target) in [
        ("/farm/reverse?x=1", "/farm/reverse?x=1"),
        ("reverse2", "/reverse2"),
    ] {
        let body = "<a href=\"there\">Temporary Redirect</a>.\n\n";
        let answers = [redirect(location, body), SWITCHED.to_owned()];
        let (lines, registered) = registered(&answers).await;
        assert_eq!(registered, Ok(()));
        let expected = ["GET /reverse HTTP/1.1", &format!("GET {target} HTTP/1.1")];
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused_and_so_is_a_second_one() {
    let elsewhere = "the hub did not answer the registration: the hub redirects to another host, which is never followed";
    for location in [
        "https://elsewhere.example/reverse",
        "//elsewhere.example/reverse",
        "HTTP:reverse",
    ] {
        let (_, refused) = registered(&[redirect(location, "")]).await;
        assert_eq!(refused, Err(elsewhere.to_owned()), "{location}");
    }
    let (_, refused) = registered(&[redirect("/a", ""), redirect("/b", "")]).await;
    let twice = "the hub did not answer the registration: the hub redirects more than once";
    assert_eq!(refused, Err(twice.to_owned()));
    let (_, refused) = registered(&["HTTP/1.1 307 Temporary Redirect\r\n\r\n".to_owned()]).await;
    let nowhere = "the hub did not answer the registration: the hub redirects without a Location";
    assert_eq!(refused, Err(nowhere.to_owned()));
    let chunked = "HTTP/1.1 307 X\r\nLocation: /a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (_, refused) = registered(&[chunked.to_owned()]).await;
    assert!(refused.unwrap_err().ends_with("no stated length"));
}

#[tokio::test]
async fn other_statuses_fail_with_what_was_said() {
    let gone = "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n";
    let (_, refused) = registered(&[gone.to_owned()]).await;
    let text = "the hub refuses this machine: 302 Found (want HTTP status 101 or 307)";
    assert_eq!(refused, Err(text.to_owned()));
}

#[tokio::test]
async fn a_pick_up_is_repeated_where_it_is_redirected_to() {
    let (connect, mut dialed) = network();
    let (mut control, near) = duplex(1024);
    let registered = Registered {
        version: RevdialVersion::V2,
        stream: Box::new(near),
    };
    let mut listening = listen(registered, connect, "");
    let mut set = JoinSet::new();
    set.spawn(listening.session.run());
    let ready = "{\"command\":\"conn-ready\",\"connPath\":\"/revdial?revdial.dialer=0a\"}\n";
    control.write_all(ready.as_bytes()).await.unwrap();
    let mut far = dialed.recv().await.unwrap();
    head(&mut far).await;
    let answer = redirect("/farm/revdial?revdial.dialer=0a", "see there\n");
    far.write_all(answer.as_bytes()).await.unwrap();
    expect(
        &mut far,
        "GET /farm/revdial?revdial.dialer=0a HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\r\n",
    )
    .await;
    let switched = format!("{SWITCHED}first");
    far.write_all(switched.as_bytes()).await.unwrap();
    let mut picked = listening.incoming.accept().await.unwrap();
    expect(&mut picked, "first").await;

    // To another host: reported, and the connection closed.
    control.write_all(ready.as_bytes()).await.unwrap();
    let mut far = dialed.recv().await.unwrap();
    head(&mut far).await;
    let elsewhere = redirect("//elsewhere.example/", "");
    far.write_all(elsewhere.as_bytes()).await.unwrap();
    expect(
        &mut control,
        "{\"command\":\"pickup-failed\",\"connPath\":\"/revdial?revdial.dialer=0a\",\
         \"err\":\"the hub redirects to another host, which is never followed\"}\n",
    )
    .await;
    assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
}
