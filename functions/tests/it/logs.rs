//! Logs while they grow, and whole.

use bytes::Bytes;
use farm_model::message::progress::LogSummary;
use farm_model::view::key;

use crate::harness::{Answer, Function};
use crate::sample::{attempt, build, dashboard_with, failed, running, status};

async fn chunk(function: &Function, offset: u64, text: &'static str) {
    let bytes = Bytes::from_static(text.as_bytes());
    let attempt = attempt();
    let put = function.bucket.put_log_chunk(&attempt, offset, bytes);
    put.await.unwrap();
}

async fn from(function: &Function, offset: u64) -> Answer {
    function
        .get(&format!("/log/{}?from={offset}", attempt()))
        .await
}

#[tokio::test]
async fn a_reader_follows_a_log_by_offset() {
    let function = dashboard_with(&build(running())).await;
    let answer = from(&function, 0).await;
    assert_eq!((answer.of(200), answer.header("x-log-next")), ("", "0"));
    chunk(&function, 0, "first\n").await;
    chunk(&function, 6, "sec").await;
    let answer = from(&function, 0).await;
    assert_eq!(answer.of(200), "first\nsec");
    assert_eq!(answer.header("x-log-next"), "9");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    let answer = from(&function, 9).await;
    assert_eq!((answer.of(200), answer.header("x-log-next")), ("", "9"));
    chunk(&function, 9, "ond\n").await;
    let answer = from(&function, 9).await;
    assert_eq!(
        (answer.of(200), answer.header("x-log-next")),
        ("ond\n", "13")
    );
    let answer = from(&function, 3).await;
    assert_eq!(answer.of(200), "st\nsecond\n");
}

#[tokio::test]
async fn the_page_shows_whole_lines_and_says_where_to_go_on() {
    let function = dashboard_with(&build(running())).await;
    chunk(&function, 0, "first\nsec").await;
    let id = attempt().build;
    let answer = function.get(&format!("/build/{id}")).await;
    let page = answer.of(200);
    let expected = format!(
        "data-log=\"/log/{}\" data-next=\"6\" data-grows=\"true\">first\n</pre>",
        attempt()
    );
    assert!(page.contains(&expected), "{page}");
}

#[tokio::test]
async fn without_an_offset_all_there_is_comes() {
    let function = dashboard_with(&build(running())).await;
    let path = format!("/log/{}", attempt());
    assert_eq!(function.get(&path).await.of(200), "");
    // More than one reading.
    let long: &'static str = Box::leak("x".repeat(3 << 20).into_boxed_str());
    chunk(&function, 0, long).await;
    chunk(&function, 3 << 20, "é\n").await;
    let answer = function.get(&path).await;
    assert_eq!(answer.body.len(), (3 << 20) + "é\n".len());
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test]
async fn a_log_whose_chunks_are_gone_is_read_from_its_blob() {
    let function = dashboard_with(&build(running())).await;
    let text = Bytes::from_static(b"all of it\n");
    let blob = function.bucket.put_blob(text).await.unwrap();
    let view = build(failed(LogSummary {
        bytes: 10,
        dropped: 0,
        whole: Some(blob),
        hash: None,
    }));
    let function = {
        let key = farm_model::view::key::build(&view.build.id);
        function.put_view(&key, &view).await;
        function
    };
    let path = format!("/log/{}", attempt());
    let answer = function.get(&path).await;
    assert_eq!(answer.of(200), "all of it\n");
    assert_eq!(answer.header("content-length"), "10");
    let answer = from(&function, 4).await;
    assert_eq!(
        (answer.of(200), answer.header("x-log-next")),
        ("of it\n", "10")
    );
    let answer = from(&function, 10).await;
    assert_eq!((answer.of(200), answer.header("x-log-next")), ("", "10"));
}

#[tokio::test]
async fn a_log_that_is_no_longer_kept_says_so() {
    let view = build(failed(LogSummary {
        bytes: 54_321,
        whole: Some("e".repeat(64).parse().unwrap()),
        ..LogSummary::default()
    }));
    let function = dashboard_with(&view).await;
    let path = format!("/log/{}", attempt());
    let without = function.get(&path).await;
    assert!(without.of(410).contains("is no longer kept"));
    let function = dashboard_with(&view).await;
    function.put_view(key::STATUS, &status()).await;
    let (read, build) = (
        format!("/read/{}", attempt()),
        format!("/build/{}", attempt().build),
    );
    for (path, code) in [
        (path.clone(), 410),
        (format!("{path}?from=0"), 410),
        (format!("{path}?gzip"), 410),
        (read, 410),
        (build, 200),
    ] {
        let answer = function.get(&path).await;
        let text = answer.of(code);
        assert!(
            text.contains("kept for 180 days, as --keep-logs"),
            "{path}: {text}"
        );
    }
    // Who follows it is told that nothing comes any more.
    let answer = from(&function, 10).await;
    assert_eq!((answer.of(200), answer.header("x-log-more")), ("", "false"));
}

#[tokio::test]
async fn what_is_longer_than_lambda_answers_is_sent_in_parts() {
    let function = Function::start_with("dashboard", None, |vars| {
        vars.with("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    });
    let size = (2 << 20) + 1;
    let text = Bytes::from("y".repeat(size));
    let blob = function.bucket.put_blob(text).await.unwrap();
    let view = build(failed(LogSummary {
        bytes: size as u64,
        whole: Some(blob),
        ..LogSummary::default()
    }));
    let key = farm_model::view::key::build(&view.build.id);
    function.put_view(&key, &view).await;
    let path = format!("/log/{}", attempt());
    for whole in [path.clone(), format!("{path}?gzip")] {
        let answer = function.get(&whole).await;
        let text = answer.of(400);
        assert!(text.contains("2097153 bytes"), "{text}");
    }
    let mut request = axum::http::Request::get(&path);
    request = request.header("range", "bytes=-7");
    let answer = function.ask(request.body("".into()).unwrap()).await;
    assert_eq!(answer.of(206), "yyyyyyy");
    let answer = from(&function, 2 << 20).await;
    assert_eq!(
        (answer.of(200), answer.header("x-log-next")),
        ("y", "2097153")
    );
}

#[tokio::test]
async fn bytes_that_are_no_text_arrive_as_they_are() {
    let function = dashboard_with(&build(running())).await;
    let bytes = Bytes::from_static(b"\x1b[31m\xff\0\n");
    let attempt = attempt();
    let put = function.bucket.put_log_chunk(&attempt, 0, bytes.clone());
    put.await.unwrap();
    assert_eq!(from(&function, 0).await.body, bytes);
}

#[tokio::test]
async fn an_offset_that_is_none_is_refused() {
    let function = dashboard_with(&build(running())).await;
    let answer = function.get(&format!("/log/{}?from=x", attempt())).await;
    assert!(answer.of(400).contains("byte offset"));
}
