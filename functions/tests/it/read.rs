//! The page of a log, and logs as files.

use std::io::Read;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use farm_model::message::progress::LogSummary;
use farm_model::view::key;
use flate2::read::GzDecoder;

use crate::harness::{Answer, Function};
use crate::sample::{attempt, build, dashboard_with, failed, running};

/// A dashboard with a build whose only attempt has failed and left this log.
async fn with_log(text: Bytes) -> Function {
    let function = dashboard_with(&build(running())).await;
    let bytes = text.len() as u64;
    let whole = function.bucket.put_blob(text).await.unwrap();
    let view = build(failed(LogSummary {
        bytes,
        dropped: 0,
        whole: Some(whole),
        hash: None,
    }));
    function.put_view(&key::build(&view.build.id), &view).await;
    function
}

async fn page(function: &Function, query: &str) -> Answer {
    function.get(&format!("/read/{}{query}", attempt())).await
}

async fn ask(function: &Function, query: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(format!("/log/{}{query}", attempt()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    function.ask(request.body(Body::empty()).unwrap()).await
}

/// Lines `line 1` to `line <count>`.
fn numbered(count: usize) -> Bytes {
    let lines = (1..=count).map(|n| format!("line {n}\n"));
    lines.collect::<String>().into()
}

const LOG: &str = "[farm] step compile\n$ make\nError: not this one\n[farm] step compile: ok after 1.5s\n\
    [farm] step test\n$ go test ./...\nok  \ta\t0.1s\n\u{1b}[31m--- FAIL: TestB\u{1b}[0m (0.01s)\n    b_test.go:3: <b> & co\n\
    10 %\r100 %\nFAIL\tb\t0.1s\n[farm] step test: exit status 1 after 2s\n";

#[tokio::test]
async fn a_page_has_the_first_error_on_top_parts_and_numbered_lines() {
    let function = with_log(LOG.into()).await;
    let answer = page(&function, "").await;
    let text = answer.of(200);
    for wanted in [
        "<title>Log of pi · steps · Sample farm</title>",
        "first error</b> <a href=\"#L8\" data-jump=\"8\">line 8</a>",
        "<td><a href=\"#L5\">test</a></td>",
        "exit status 1</td><td class=\"took\">2s</td>",
        "<li id=\"L8\"><a href=\"#L8\">8</a><span class=\"f200\">--- FAIL: TestB</span> (0.01s)</li>",
        "<li id=\"L9\"><a href=\"#L9\">9</a>    b_test.go:3: &#60;b&#62; &#38; co</li>",
        "<li id=\"L10\"><a href=\"#L10\">10</a>100 %</li>",
        "data-grows=\"false\"",
        "12 lines",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    assert!(
        !text.contains("<b> &") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert_eq!(text.matches("<script").count(), 1);
    assert!(!text.contains(" style="), "the policy forbids it");
}

#[tokio::test]
async fn a_long_log_is_shown_in_windows_that_lead_to_each_other() {
    let function = with_log(numbered(5000)).await;
    let shown = |text: &str, line: usize| text.contains(&format!("<li id=\"L{line}\">"));
    let path = format!("/read/{}", attempt());
    let answer = page(&function, "").await;
    let text = answer.of(200);
    assert!(shown(text, 3001) && shown(text, 5000) && !shown(text, 3000));
    assert!(text.contains("line 5000</a>"), "the last line is on top");
    assert!(text.contains(&format!("href=\"{path}?to=3000\"")));
    let answer = page(&function, "?to=3000").await;
    let text = answer.of(200);
    assert!(shown(text, 1001) && shown(text, 3000) && !shown(text, 3001));
    assert!(text.contains(&format!("href=\"{path}?line=3001#L3001\"")));
    let answer = page(&function, "?line=3001").await;
    assert!(
        shown(answer.of(200), 2981) && shown(answer.text(), 4980) && !shown(answer.text(), 4981)
    );
    let answer = page(&function, "?line=99999999").await;
    assert!(
        shown(answer.of(200), 5000),
        "what is behind the end is the end"
    );
    let answer = page(&function, "?to=1").await;
    assert!(shown(answer.of(200), 1) && shown(answer.text(), 2000));
    page(&function, "?line=x").await.of(400);
}

#[tokio::test]
async fn a_search_lists_lines_and_goes_on_where_it_ended() {
    let function = with_log(numbered(5000)).await;
    let answer = page(&function, "?q=LINE+42").await;
    assert!(
        answer.of(200).contains("No line has “LINE 42”."),
        "capitals count"
    );
    let answer = page(&function, "?q=line+42").await;
    let text = answer.of(200);
    assert!(text.contains("111 lines have “line 42”."));
    assert!(text.contains("data-jump=\"42\">42</a> <code><mark>line 42</mark></code>"));
    assert!(
        text.contains("<li id=\"L4200\" class=\"hit\">"),
        "it stands out among the lines"
    );
    let answer = page(&function, "?q=line").await;
    let text = answer.of(200);
    assert!(text.contains("200 lines have “line”; there may be more"));
    assert!(
        text.contains("after=200&#38;q=line\">Search on</a>"),
        "{text}"
    );
    let answer = page(&function, "?q=line&after=4990").await;
    assert!(answer.of(200).contains("10 lines have “line”."));
    let answer = page(&function, "?q=%3Cscript%3E").await;
    assert!(answer.of(200).contains("No line has “&#60;script&#62;”."));
}

#[tokio::test]
async fn a_page_of_a_log_that_grows_says_where_to_go_on() {
    let function = dashboard_with(&build(running())).await;
    let put = async |offset, text: &'static str| {
        let attempt = attempt();
        let put = function.bucket.put_log_chunk(&attempt, offset, text.into());
        put.await.unwrap();
    };
    let answer = page(&function, "").await;
    assert!(
        answer
            .of(200)
            .contains("data-next=\"0\" data-line=\"1\" data-grows=\"true\"")
    );
    put(0, "first\nsec").await;
    let answer = page(&function, "").await;
    let text = answer.of(200);
    assert!(
        text.contains("data-next=\"6\" data-line=\"2\" data-grows=\"true\""),
        "{text}"
    );
    assert!(text.contains(">first</li>") && !text.contains(">sec"));
    put(9, "ond: error: \nthird\n").await;
    let answer = page(&function, "").await;
    assert!(
        answer.of(200).contains("data-next=\"28\" data-line=\"4\""),
        "{}",
        answer.text()
    );
    let answer = ask(&function, "?from=28", &[]).await;
    assert_eq!((answer.of(200), answer.header("x-log-more")), ("", "true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_megabytes_only_what_is_shown_is_read_again() {
    let line = format!("{}\n", "x".repeat(1023));
    let mut text = line.repeat(100 << 10).into_bytes();
    text[70_000 << 10..][..9].copy_from_slice(b"--- FAIL:");
    text[(70_000 << 10) + 9] = b' ';
    let size = text.len() as u64;
    let function = with_log(text.into()).await;
    let read = |answer: &Answer| answer.header("x-log-read").parse::<u64>().unwrap();
    let answer = page(&function, "").await;
    assert!(
        answer
            .of(200)
            .contains("data-jump=\"70001\">line 70001</a>")
    );
    // Once from end to end; then the window, which long lines make short, and the lines around the error.
    assert!(
        (size..size + (4 << 20)).contains(&read(&answer)),
        "{}",
        read(&answer)
    );
    assert!(answer.body.len() < 2 << 20, "{}", answer.body.len());
    for query in ["", "?line=70001", "?to=50000"] {
        let answer = page(&function, query).await;
        answer.of_any(200);
        assert!(read(&answer) < 3 << 20, "{query}: {}", read(&answer));
    }
    let answer = page(&function, "?q=x&after=90000").await;
    assert!(answer.of(200).contains("200 lines have"));
    assert!(read(&answer) < 8 << 20, "{}", read(&answer));
}

#[tokio::test]
async fn a_log_that_has_ended_may_be_kept_and_read_in_parts() {
    let function = with_log("0123456789".into()).await;
    let answer = ask(&function, "", &[]).await;
    assert_eq!(answer.of(200), "0123456789");
    assert_eq!(
        answer.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(answer.header("accept-ranges"), "bytes");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let tag = answer.header("etag").to_owned();
    ask(&function, "", &[("if-none-match", &tag)]).await.of(304);
    let answer = ask(&function, "", &[("range", "bytes=2-4")]).await;
    assert_eq!(
        (answer.of(206), answer.header("content-range")),
        ("234", "bytes 2-4/10")
    );
    assert_eq!(answer.header("content-length"), "3");
    let answer = ask(&function, "", &[("range", "bytes=-3"), ("if-range", &tag)]).await;
    assert_eq!(answer.of(206), "789");
    let answer = ask(
        &function,
        "",
        &[("range", "bytes=-3"), ("if-range", "\"x\"")],
    )
    .await;
    assert_eq!(answer.of(200), "0123456789");
    let answer = ask(&function, "", &[("range", "bytes=10-")]).await;
    assert_eq!(
        (answer.of(416), answer.header("content-range")),
        ("", "bytes */10")
    );
    let answer = ask(&function, "?from=10", &[]).await;
    assert_eq!((answer.of(200), answer.header("x-log-more")), ("", "false"));
}

#[tokio::test]
async fn a_log_that_may_grow_is_asked_for_again() {
    let function = dashboard_with(&build(running())).await;
    let attempt = attempt();
    let put = function.bucket.put_log_chunk(&attempt, 0, "0123".into());
    put.await.unwrap();
    let answer = ask(&function, "", &[("range", "bytes=2-")]).await;
    assert_eq!(answer.of(200), "0123");
    let kept = answer.header("cache-control");
    assert!(kept.starts_with("public, max-age=1,"), "{kept}");
    assert_eq!(answer.header("accept-ranges"), "");
}

#[tokio::test]
async fn a_log_comes_as_a_gzip_file_that_is_not_packed_twice() {
    let log = numbered(100_000);
    let function = with_log(log.clone()).await;
    let answer = ask(&function, "?gzip", &[("accept-encoding", "gzip")]).await;
    answer.of_any(200);
    assert_eq!(answer.header("content-type"), "application/gzip");
    assert_eq!(answer.header("content-encoding"), "");
    let name = format!(
        "attachment; filename=\"{}-1-steps-1.log.gz\"",
        &attempt().build.as_str()[..8]
    );
    assert_eq!(answer.header("content-disposition"), name);
    let mut text = Vec::new();
    GzDecoder::new(&answer.body[..])
        .read_to_end(&mut text)
        .unwrap();
    assert!(text == log);
    let answer = ask(&function, "", &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
}

#[tokio::test]
async fn clients_of_2019_find_a_log_by_its_hash() {
    let function = with_log("test".into()).await;
    let hash = "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3";
    let answer = function.get(&format!("/log/{hash}")).await;
    assert!(answer.of(404).contains("There is no log of"));
    function.put_hash(hash, &attempt());
    let answer = function.get(&format!("/log/{hash}")).await;
    assert_eq!(answer.of(200), "test");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    function.get("/log/x").await.of(404);
}

#[tokio::test]
async fn what_has_no_log_has_no_page() {
    let function = dashboard_with(&build(running())).await;
    let unknown = format!("/read/{}/1/steps/1", "0".repeat(32));
    assert!(
        function
            .get(&unknown)
            .await
            .of(404)
            .contains("There is no log of")
    );
    function.get("/read/x/1/steps/1").await.of(404);
}
