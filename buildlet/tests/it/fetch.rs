//! `/writetgz` with a URL (`buildlet.md` 4.2 and 18).

use crate::harness::Buildlet;
use crate::origin::{Origin, Reply, answer, connect_proxy, moved, ok, status};
use crate::peer::{bare, post};

/// A gzipped tar archive of one file.
fn archive(name: &str, text: &str) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, name, text.as_bytes()).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn an_archive_is_fetched_and_unpacked() {
    let origin = Origin::start(|_, _| ok(&archive("bin/go", "go"))).await;
    let b = Buildlet::start().await;
    let url = origin.url("/go.tar.gz?token=a%2Fb");
    let answer = b.post("/writetgz?dir=sub", &[("url", &url)]).await;
    assert_eq!(answer.said(), (200, "OK"));
    let file = b.work_dir().join("sub/bin/go");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "go");
    let requests = origin.requests();
    assert!(requests[0].starts_with("GET /go.tar.gz?token=a%2Fb HTTP/1.1\r\n"));
    b.end().await;
}

#[tokio::test]
async fn redirects_lead_to_servers_whose_certificate_was_given() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let pair = (made.cert.pem(), made.signing_key.serialize_pem());
    let secure = Origin::tls((&pair.0, &pair.1), |_, _| ok(&archive("a", "1"))).await;
    let there = format!("https://{}/a.tar.gz", secure.address());
    let target = there.clone();
    let plain = Origin::start(move |_, _| moved(&target)).await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca");
    std::fs::write(&ca, &pair.0).unwrap();
    let b = Buildlet::direct(&["--ca", ca.to_str().unwrap()], &[]).await;
    let answer = b.post("/writetgz", &[("url", &plain.url("/"))]).await;
    assert_eq!(answer.said(), (200, "OK"));
    b.end().await;
    // Without it nothing is believed, and nothing tried again.
    let b = Buildlet::start().await;
    let answer = b.post("/writetgz", &[("url", &there)]).await;
    assert_eq!(answer.status, 500);
    let text = answer.text();
    assert!(
        text.starts_with(&format!("fetching URL {there}: ")),
        "{text}"
    );
    secure.left(1).await;
    b.end().await;
}

#[tokio::test]
async fn another_status_is_reported_without_the_urls_secrets() {
    let origin = Origin::start(|_, _| status("404 Nope")).await;
    let b = Buildlet::direct(&[], &[("FARM_LOG", "trace")]).await;
    let url = origin.url("/x?token=hidden");
    let answer = b.post("/writetgz", &[("url", &url)]).await;
    let shown = origin.url("/x?…");
    let text = format!("writetgz: fetching provided URL \"{shown}\": 404 Not Found\n");
    assert_eq!(answer.said(), (500, text.as_str()));
    assert_eq!(origin.requests().len(), 1, "it does not heal");
    assert!(!b.log().contains("hidden"), "{}", b.log());
    b.end().await;
}

#[tokio::test]
async fn a_servers_trouble_is_waited_out() {
    let origin = Origin::start(|_, count| match count {
        0 => status("503 Busy"),
        1 => Reply::Bytes(Vec::new()),
        _ => ok(&archive("a", "1")),
    })
    .await;
    let b = Buildlet::start().await;
    let url = origin.url("/x?token=hidden");
    let answer = b.post("/writetgz", &[("url", &url)]).await;
    assert_eq!(answer.said(), (200, "OK"));
    assert_eq!(origin.requests().len(), 3);
    assert!(b.log().contains("trying again") && !b.log().contains("hidden"));
    b.end().await;
}

#[tokio::test]
async fn what_cannot_be_fetched_is_said() {
    let b = Buildlet::start().await;
    for url in ["ftp://a/b", "/etc/passwd", "file:///etc/passwd"] {
        let answer = b.post("/writetgz", &[("url", url)]).await;
        let text = format!("fetching URL {url}: it is no http:// or https:// URL\n");
        assert_eq!(answer.said(), (500, text.as_str()));
    }
    for request in [
        post("/writetgz", &[]),
        post("/writetgz", &[("url", "")]),
        bare("POST", "/writetgz").into(),
    ] {
        assert_eq!(
            b.ask(request).await.said(),
            (400, "missing url POST param\n")
        );
    }
    b.end().await;
}

#[tokio::test]
async fn what_is_no_archive_is_the_senders_fault() {
    let origin = Origin::start(|_, _| ok(b"hello")).await;
    let b = Buildlet::start().await;
    let answer = b.post("/writetgz", &[("url", &origin.url("/"))]).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("requires gzip-compressed body: "));
    b.end().await;
}

#[tokio::test]
async fn a_bootstrap_that_broke_off_is_fetched_again_and_a_whole_one_is_not() {
    let whole = answer("200 OK", "", &archive("bin/go", "go"));
    // The archive's end is missing, its files are all there.
    let cut = whole[..whole.len() - 20].to_vec();
    let origin = Origin::start(move |_, count| match count {
        0 => Reply::Bytes(cut.clone()),
        _ => Reply::Bytes(whole.clone()),
    })
    .await;
    let b = Buildlet::start().await;
    let fetch = async || {
        b.post("/writetgz?dir=go1.4", &[("url", &origin.url("/go"))])
            .await
    };
    let broken = fetch().await;
    assert_eq!(broken.status, 500);
    let text = format!("fetching URL {}: ", origin.url("/go"));
    assert!(broken.text().starts_with(&text), "{}", broken.text());
    assert_eq!(fetch().await.said(), (200, "OK"));
    assert_eq!(fetch().await.said(), (200, "SKIP"));
    assert_eq!(
        b.post("/writetgz?dir=go1.4", &[]).await.said(),
        (200, "SKIP")
    );
    assert_eq!(origin.requests().len(), 2);
    let names = std::fs::read_dir(b.work_dir()).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["go1.4", "gocache", "tmp"]);
    b.end().await;
}

#[tokio::test]
async fn a_client_that_goes_ends_the_download() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    let body = archive("a", "1");
    let whole = [head, body].concat();
    let origin = Origin::start(move |line, _| match line.contains("/silent") {
        true => Reply::Hang(Vec::new()),
        false => Reply::Hang(whole.clone()),
    })
    .await;
    let b = Buildlet::start().await;
    for (count, path) in ["/silent", "/slow"].iter().enumerate() {
        let mut client = b.dial().await;
        client
            .send(post("/writetgz", &[("url", &origin.url(path))]))
            .await;
        origin.asked(count + 1).await;
        drop(client);
        origin.left(count + 1).await;
    }
    assert_eq!(b.get("/status").await.status, 200);
    b.end().await;
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_asked() {
    let origin = Origin::start(|_, _| ok(&archive("a", "1"))).await;
    let (proxy, asked, _serving) = connect_proxy(origin.address().to_owned()).await;
    let b = Buildlet::direct(&[], &[("http_proxy", &proxy)]).await;
    let answer = b
        .post("/writetgz", &[("url", "http://farm.invalid/a?b")])
        .await;
    assert_eq!(answer.said(), (200, "OK"));
    assert!(asked.lock().unwrap()[0].starts_with("CONNECT farm.invalid:80 HTTP/1.1\r\n"));
    assert!(origin.requests()[0].contains("\r\nhost: farm.invalid\r\n"));
    b.end().await;
}
