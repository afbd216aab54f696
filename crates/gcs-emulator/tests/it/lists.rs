use crate::server::{Server, all, refused};

async fn with(names: &[&str]) -> Server {
    let server = Server::new().await;
    for name in names {
        let put = server.put(&format!("/bucket/{name}"), "12345", &[]).await;
        assert_eq!(put.status(), 200);
    }
    server
}

const NAMES: [&str; 6] = ["a/1", "a/2/x", "a/2/y", "b", "c%26d", "%C3%A9"];

#[tokio::test]
async fn a_list_says_what_there_is() {
    let server = with(&NAMES).await;
    let text = server.text("/bucket?list-type=2").await;
    assert_eq!(
        all(&text, "Key"),
        ["a/1", "a/2/x", "a/2/y", "b", "c&amp;d", "é"]
    );
    assert_eq!(all(&text, "KeyCount"), ["6"]);
    assert_eq!(all(&text, "IsTruncated"), ["false"]);
    assert_eq!(all(&text, "Size"), ["5"; 6]);
    assert!(
        all(&text, "LastModified")
            .iter()
            .all(|at| at.ends_with('Z'))
    );
    let etag = "&quot;827ccb0eea8a706c4c34a16891f84e7b&quot;";
    assert_eq!(all(&text, "ETag"), [etag; 6]);
    let folders = server
        .text("/bucket?list-type=2&delimiter=%2F&prefix=a%2F")
        .await;
    assert_eq!(all(&folders, "Key"), ["a/1"]);
    assert_eq!(all(&folders, "CommonPrefixes"), ["<Prefix>a/2/</Prefix>"]);
    let after = server
        .text("/bucket?list-type=2&start-after=a%2F2%2Fx&encoding-type=url")
        .await;
    assert_eq!(all(&after, "Key"), ["a/2/y", "b", "c%26d", "%C3%A9"]);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let server = with(&NAMES).await;
    for (first, marker, next) in [
        (
            "/bucket?list-type=2&max-keys=4",
            "continuation-token",
            "NextContinuationToken",
        ),
        ("/bucket?max-keys=4", "marker", "NextMarker"),
    ] {
        let page = server.text(first).await;
        assert_eq!(all(&page, "Key").len(), 4);
        assert_eq!(all(&page, "IsTruncated"), ["true"]);
        let token = all(&page, next).remove(0);
        let rest = server.text(&format!("{first}&{marker}={token}")).await;
        assert_eq!(all(&rest, "Key"), ["c&amp;d", "é"]);
        assert_eq!(all(&rest, "IsTruncated"), ["false"]);
    }
    let refusal = server
        .get("/bucket?list-type=2&continuation-token=%21", &[])
        .await;
    refused(refusal, 400, "InvalidArgument").await;
    refused(
        server.get("/bucket?list-type=3", &[]).await,
        400,
        "InvalidArgument",
    )
    .await;
}

#[tokio::test]
async fn a_bucket_that_nobody_used_is_empty() {
    let server = Server::new().await;
    let text = server.text("/bucket?list-type=2").await;
    assert_eq!(all(&text, "KeyCount"), ["0"]);
}
