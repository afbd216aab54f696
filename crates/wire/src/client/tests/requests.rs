use super::*;
use crate::client::{ListOptions, RemoteFarm, TransportError};

/// What every request says besides its first line.
const OURS: &str = "Host: b1 | User-Agent: farmhand";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Runs both sides; what was asked, and what came of it.
macro_rules! asked {
    ($fake:expr, $answer:expr, $call:expr) => {{
        let (served, done) = tokio::join!($fake.serve($answer), async { $call.await });
        let (_, head, body) = served;
        ((head, String::from_utf8(body).unwrap()), done)
    }};
}

fn sorted(head: &str) -> Vec<&str> {
    let mut fields: Vec<_> = head.split(" | ").collect();
    fields[1..].sort_unstable();
    fields
}

fn is(asked: &(String, String), head: &str, body: &str) {
    assert_eq!(sorted(&asked.0), sorted(head));
    assert_eq!(asked.1, body);
}

#[tokio::test]
async fn short_questions_are_asked_as_in_2019() {
    let fake = Fake::new();
    let (sent, status) = asked!(
        fake,
        ok("{\"Version\":23,\"Load\":1}"),
        fake.client().status()
    );
    is(&sent, &format!("GET /status HTTP/1.1 | {OURS}"), "");
    assert_eq!(status.unwrap().version, 23);
    let (sent, dir) = asked!(fake, ok("/workdir"), fake.client().work_dir());
    is(&sent, &format!("GET /workdir HTTP/1.1 | {OURS}"), "");
    assert_eq!(dir.unwrap(), "/workdir");
    let (sent, removed) = asked!(fake, ok(""), fake.client().remove_all(&["a b", "go/pkg"]));
    let head = format!("POST /removeall HTTP/1.1 | {OURS} | {FORM} | Content-Length: 24");
    is(&sent, &head, "path=a%20b&path=go%2Fpkg");
    removed.unwrap();
    let (sent, ()) = asked!(fake, ok(""), fake.client().halt());
    is(
        &sent,
        &format!("POST /halt HTTP/1.1 | {OURS} | Content-Length: 0"),
        "",
    );
}

#[tokio::test]
async fn no_paths_to_remove_are_no_request() {
    let fake = Fake::new();
    fake.client().remove_all(&[]).await.unwrap();
    assert!(fake.is_left_alone());
}

#[tokio::test]
async fn uploads_are_chunked_with_their_place_in_the_query() {
    let fake = Fake::new();
    let put = |line: &str| format!("PUT {line} HTTP/1.1 | {OURS} | Transfer-Encoding: chunked");
    let (sent, done) = asked!(
        fake,
        ok("OK"),
        fake.client().put_tar(&b"tgz"[..], "go/src", |_| {})
    );
    is(&sent, &put("/writetgz?dir=go%2Fsrc"), "tgz");
    done.unwrap();
    // Modes are decimal Go modes.
    for (mode, sent_as) in [
        (0o644, "420"),
        (0o755, "493"),
        (0o4755, "8389101"),
        (0o3755, "5243373"),
    ] {
        let (sent, done) = asked!(fake, ok("OK"), fake.client().write(&b"x"[..], "a.sh", mode));
        is(
            &sent,
            &put(&format!("/write?mode={sent_as}&path=a.sh")),
            "x",
        );
        done.unwrap();
    }
}

#[tokio::test]
async fn an_archive_can_be_fetched_by_the_buildlet() {
    let fake = Fake::new();
    let client = fake.client();
    for said in ["OK", "SKIP"] {
        let put = client.put_tar_from_url("https://x/boot.tar.gz?a=b", "go1.4", MINUTE);
        let (sent, done) = asked!(
            fake,
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ".to_owned()
                + &format!("{}\r\n\r\n{said}", said.len()),
            put
        );
        let head =
            format!("POST /writetgz?dir=go1.4 HTTP/1.1 | {OURS} | {FORM} | Content-Length: 41");
        is(&sent, &head, "url=https%3A%2F%2Fx%2Fboot.tar.gz%3Fa%3Db");
        done.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_buildlet_that_fetches_for_ever_is_given_up() {
    let fake = Fake::new();
    let client = fake.client();
    let put = client.put_tar_from_url("https://x/", "", MINUTE);
    let (_, done) = tokio::join!(fake.serve(""), put);
    assert!(
        matches!(done, Err(TransportError::HeaderTimeout)),
        "{done:?}"
    );
}

#[tokio::test]
async fn archives_are_fetched_for_work_and_for_release() {
    let fake = Fake::new();
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let client = fake.client();
    let (sent, archive) = asked!(fake, chunked, client.get_tar("go"));
    is(&sent, &format!("GET /tgz?dir=go HTTP/1.1 | {OURS}"), "");
    let mut bytes = Vec::new();
    assert_eq!(archive.unwrap().copy_to(&mut bytes).await.unwrap(), 3);
    assert_eq!(bytes, b"abc");
    let client = fake.client();
    let (sent, archive) = asked!(fake, chunked, client.get_release_tar("go"));
    is(
        &sent,
        &format!("GET /tgz?dir=go&pargzip=0 HTTP/1.1 | {OURS}"),
        "",
    );
    archive.unwrap();
}

#[tokio::test]
async fn an_archive_that_is_cut_is_no_archive() {
    let fake = Fake::new();
    let cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
    let client = fake.client();
    let serve = async { drop(fake.serve(cut).await) };
    let ((), archive) = tokio::join!(serve, client.get_tar("go"));
    let copied = archive.unwrap().copy_to(&mut Vec::new()).await;
    assert!(matches!(copied, Err(TransportError::Http(_))), "{copied:?}");
}

#[tokio::test]
async fn a_listing_is_asked_for_with_all_its_options() {
    let fake = Fake::new();
    let options = ListOptions {
        recursive: true,
        digest: true,
        skip: vec!["go/pkg".into(), "go/bin".into()],
    };
    let client = fake.client();
    let (sent, _) = asked!(fake, ok(""), client.list_dir("", &options));
    let line = "/ls?digest=true&dir=&recursive=true&skip=go%2Fpkg&skip=go%2Fbin";
    is(&sent, &format!("GET {line} HTTP/1.1 | {OURS}"), "");
    let plain = ListOptions::default();
    let client = fake.client();
    let (sent, _) = asked!(fake, ok(""), client.list_dir("d", &plain));
    is(
        &sent,
        &format!("GET /ls?digest=false&dir=d&recursive=false HTTP/1.1 | {OURS}"),
        "",
    );
}

#[tokio::test]
async fn a_password_goes_with_every_request_and_never_into_a_log() {
    let fake = Fake::new();
    let client = fake.client().with_password("foo");
    let (sent, _) = asked!(fake, ok("{\"Version\":23}"), client.status());
    let head = format!("GET /status HTTP/1.1 | {OURS} | Authorization: Basic Z29tb3RlOmZvbw==");
    is(&sent, &head, "");
    assert!(!format!("{client:?}").contains("foo"));
}

#[tokio::test]
async fn a_refusal_is_its_status_and_at_most_4_kib_of_its_text() {
    let fake = Fake::new();
    let refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 17\r\n\r\ninvalid password\n";
    let (_, status) = asked!(fake, refused, fake.client().status());
    let error = status.unwrap_err().to_string();
    assert_eq!(error, "buildlet: HTTP status 403: invalid password");
    let long = format!(
        "HTTP/1.1 500 X\r\nContent-Length: 9000\r\n\r\n{}",
        "x".repeat(9000)
    );
    let (_, dir) = asked!(fake, long, fake.client().work_dir());
    let Err(TransportError::Status { status: 500, body }) = dir else {
        panic!("{dir:?}")
    };
    assert_eq!(body.len(), 4096);
}

#[tokio::test]
async fn an_upload_that_is_refused_midway_says_why() {
    let fake = Fake::new();
    let client = fake.client();
    let put = client.put_tar(tokio::io::repeat(7), "", |_| {});
    let serve = async {
        let mut accepted = fake.accept().await;
        accepted.head().await;
        accepted
            .say("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 10\r\n\r\ntar error\n")
            .await;
        accepted
    };
    let (_open, done) = tokio::join!(serve, put);
    assert_eq!(
        done.unwrap_err().to_string(),
        "buildlet: HTTP status 400: tar error"
    );
}

#[tokio::test(start_paused = true)]
async fn a_buildlet_that_takes_nothing_more_stalls_the_upload() {
    let fake = Fake::new();
    let client = fake.client();
    let put = client.put_tar(tokio::io::repeat(7), "", |_| {});
    let (_open, done) = tokio::join!(fake.accept(), put);
    assert!(matches!(done, Err(TransportError::Stalled)), "{done:?}");
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_when_it_was_closed() {
    let fake = Fake::new();
    let client = fake.client();
    let (first, _) = tokio::join!(fake.serve(ok("{\"Version\":1}")), client.status());
    let (mut open, ..) = first;
    let again = async {
        open.request().await;
        open.say(ok("{\"Version\":2}")).await;
        open
    };
    let (open, status) = tokio::join!(again, client.status());
    assert_eq!(status.unwrap().version, 2);
    assert!(fake.is_left_alone());
    drop(open);
    let (_, status) = tokio::join!(fake.serve(ok("{\"Version\":3}")), client.status());
    assert_eq!(status.unwrap().version, 3);
}

#[tokio::test]
async fn a_borrower_asks_lists_and_names_buildlets() {
    let fake = Fake::new();
    let farm = RemoteFarm::new(fake.connect(), "b1", "gopher", " secret\n");
    let json = r#"{"User":"gopher","Name":"gopher-linux-amd64-0","HostType":"host-linux-jessie",
        "BuilderType":"linux-amd64","Created":"2019-04-25T00:00:00Z","Expires":"2019-04-25T00:30:00Z","More":1}"#;
    let login = "Authorization: Basic dXNlci1nb3BoZXI6c2VjcmV0";
    let (sent, lent) = asked!(fake, ok(json), farm.create("linux-amd64", MINUTE));
    let head =
        format!("POST /buildlet/create HTTP/1.1 | {OURS} | {FORM} | {login} | Content-Length: 40");
    is(&sent, &head, "builderType=linux-amd64&version=20160922");
    let lent = lent.unwrap();
    assert_eq!(
        (lent.name.as_str(), lent.host_type.as_str()),
        ("gopher-linux-amd64-0", "host-linux-jessie")
    );
    let (sent, all) = asked!(fake, ok(&format!("[{json}]\n")), farm.list());
    is(
        &sent,
        &format!("GET /buildlet/list HTTP/1.1 | {OURS} | {login}"),
        "",
    );
    assert_eq!(all.unwrap(), std::slice::from_ref(&lent));
    let client = farm.named(&lent.name).unwrap();
    let (sent, _) = asked!(fake, ok("/w"), client.work_dir());
    let name = "X-Buildlet-Proxy: gopher-linux-amd64-0";
    is(
        &sent,
        &format!("GET /workdir HTTP/1.1 | {OURS} | {login} | {name}"),
        "",
    );
    let nameless = json.replace("gopher-linux-amd64-0", "");
    let (_, lent) = asked!(fake, ok(&nameless), farm.create("linux-amd64", MINUTE));
    assert!(matches!(lent, Err(TransportError::Protocol(_))), "{lent:?}");
    assert!(farm.named("a\nb").is_err());
}
