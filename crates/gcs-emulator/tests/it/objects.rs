use reqwest::Method;
use tokio::task::JoinSet;

use crate::server::{Server, header, refused};

#[tokio::test]
async fn an_object_comes_back_with_what_describes_it() {
    let server = Server::new().await;
    let put = server
        .put(
            "/bucket/a/b%20%C3%A9",
            "hello",
            &[
                ("content-type", "text/plain"),
                ("cache-control", "no-store"),
                ("content-encoding", "x-none"),
                ("x-goog-meta-colour", "green"),
            ],
        )
        .await;
    assert_eq!(put.status(), 200);
    assert_eq!(header(&put, "etag"), "\"5d41402abc4b2a76b9719d911017c592\"");
    let hashes: Vec<_> = put.headers().get_all("x-goog-hash").iter().collect();
    assert_eq!(hashes, ["crc32c=mnG7TA==", "md5=XUFAKrxLKna5cZ2REBfFkg=="]);
    let generation = header(&put, "x-goog-generation").to_owned();
    let got = server.get("/bucket/a%2Fb%20%C3%A9", &[]).await;
    for (name, value) in [
        ("content-type", "text/plain"),
        ("cache-control", "no-store"),
        ("content-encoding", "x-none"),
        ("content-length", "5"),
        ("accept-ranges", "bytes"),
        ("x-goog-meta-colour", "green"),
        ("x-goog-metageneration", "1"),
        ("x-goog-generation", generation.as_str()),
        ("x-goog-stored-content-length", "5"),
        ("x-goog-stored-content-encoding", "x-none"),
        ("x-goog-storage-class", "STANDARD"),
        ("etag", "\"5d41402abc4b2a76b9719d911017c592\""),
    ] {
        assert_eq!(header(&got, name), value, "{name}");
    }
    assert!(header(&got, "last-modified").ends_with(" GMT"));
    assert_eq!(got.text().await.unwrap(), "hello");
    let head = server
        .request(Method::HEAD, "/bucket/a/b%20%C3%A9", &[])
        .send()
        .await
        .unwrap();
    assert_eq!(header(&head, "content-length"), "5");
    assert_eq!(head.text().await.unwrap(), "");
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_its_name() {
    let server = Server::new().await;
    refused(server.get("/bucket/x", &[]).await, 404, "NoSuchKey").await;
    refused(server.delete("/bucket/x", &[]).await, 404, "NoSuchKey").await;
    refused(server.delete("/bucket", &[]).await, 404, "NoSuchBucket").await;
    refused(server.get("/Bucket/x", &[]).await, 400, "InvalidBucketName").await;
    let long = format!("/bucket/{}", "x".repeat(1025));
    refused(server.put(&long, "", &[]).await, 400, "KeyTooLong").await;
    refused(
        server.get("/bucket/x?acl", &[]).await,
        501,
        "NotImplemented",
    )
    .await;
    let resumable = server
        .request(Method::POST, "/bucket/x", &[])
        .send()
        .await
        .unwrap();
    refused(resumable, 501, "NotImplemented").await;
    let patch = server
        .request(Method::PATCH, "/bucket/x", &[])
        .send()
        .await
        .unwrap();
    refused(patch, 405, "MethodNotAllowed").await;
}

#[tokio::test]
async fn a_range_is_a_part_and_says_of_what() {
    let server = Server::new().await;
    server.put("/bucket/x", "0123456789", &[]).await;
    for (range, content_range, text) in [
        ("bytes=0-2", "bytes 0-2/10", "012"),
        ("bytes=8-", "bytes 8-9/10", "89"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=5-99", "bytes 5-9/10", "56789"),
    ] {
        let part = server.get("/bucket/x", &[("range", range)]).await;
        assert_eq!(part.status(), 206);
        assert_eq!(header(&part, "content-range"), content_range);
        assert_eq!(header(&part, "content-length"), text.len().to_string());
        assert_eq!(part.text().await.unwrap(), text);
    }
    let beyond = server.get("/bucket/x", &[("range", "bytes=10-")]).await;
    assert_eq!(header(&beyond, "content-range"), "bytes */10");
    refused(beyond, 416, "InvalidRange").await;
    let whole = server.get("/bucket/x", &[("range", "bytes=2-1")]).await;
    assert_eq!(whole.status(), 200);
}

#[tokio::test]
async fn conditions_are_on_what_is_there() {
    let server = Server::new().await;
    let only_new = [("x-goog-if-generation-match", "0")];
    let first = server.put("/bucket/x", "1", &only_new).await;
    assert_eq!(first.status(), 200);
    let again = server.put("/bucket/x", "2", &only_new).await;
    refused(again, 412, "PreconditionFailed").await;
    assert_eq!(server.text("/bucket/x").await, "1");
    let generation = header(&first, "x-goog-generation").to_owned();
    let over_it = [("x-goog-if-generation-match", generation.as_str())];
    assert_eq!(server.put("/bucket/x", "3", &over_it).await.status(), 200);
    refused(
        server.put("/bucket/x", "4", &over_it).await,
        412,
        "PreconditionFailed",
    )
    .await;
    refused(
        server.delete("/bucket/x", &over_it).await,
        412,
        "PreconditionFailed",
    )
    .await;
    let older = server
        .get(&format!("/bucket/x?generation={generation}"), &[])
        .await;
    refused(older, 404, "NoSuchKey").await;
    let metageneration = [("x-goog-if-metageneration-match", "2")];
    refused(
        server.get("/bucket/x", &metageneration).await,
        412,
        "PreconditionFailed",
    )
    .await;
    assert_eq!(server.delete("/bucket/x", &[]).await.status(), 204);
    assert_eq!(server.put("/bucket/x", "5", &only_new).await.status(), 200);
}

#[tokio::test]
async fn a_reader_hears_that_it_has_it_already() {
    let server = Server::new().await;
    let put = server
        .put("/bucket/x", "1", &[("content-type", "text/plain")])
        .await;
    let etag = header(&put, "etag").to_owned();
    let same = server.get("/bucket/x", &[("if-none-match", &etag)]).await;
    assert_eq!(same.status(), 304);
    assert_eq!(header(&same, "etag"), etag);
    assert_eq!(same.text().await.unwrap(), "");
    assert_eq!(
        server
            .get("/bucket/x", &[("if-none-match", "\"x\"")])
            .await
            .status(),
        200
    );
    let other = server.get("/bucket/x", &[("if-match", "\"x\"")]).await;
    refused(other, 412, "PreconditionFailed").await;
}

#[tokio::test]
async fn what_came_otherwise_than_it_was_sent_is_not_stored() {
    let server = Server::new().await;
    for (headers, code) in [
        ([("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")], "BadDigest"),
        ([("x-goog-hash", "crc32c=AAAAAA==")], "BadDigest"),
        ([("content-md5", "nonsense")], "InvalidDigest"),
    ] {
        refused(server.put("/bucket/x", "hello", &headers).await, 400, code).await;
    }
    let good = [("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")];
    refused(server.get("/bucket/x", &[]).await, 404, "NoSuchKey").await;
    assert_eq!(server.put("/bucket/x", "hello", &good).await.status(), 200);
}

#[tokio::test]
async fn a_copy_is_an_object_of_its_own() {
    let server = Server::new().await;
    server
        .put("/bucket/a%20b", "hello", &[("content-type", "text/plain")])
        .await;
    let copied = server
        .put("/other/c", "", &[("x-goog-copy-source", "/bucket/a%20b")])
        .await;
    assert_eq!(copied.status(), 200);
    assert!(
        copied
            .text()
            .await
            .unwrap()
            .contains("<CopyObjectResult><LastModified>")
    );
    server.delete("/bucket/a%20b", &[]).await;
    let copy = server.get("/other/c", &[]).await;
    assert_eq!(header(&copy, "content-type"), "text/plain");
    assert_eq!(copy.text().await.unwrap(), "hello");
    let described = [
        ("x-goog-copy-source", "other/c"),
        ("x-goog-metadata-directive", "REPLACE"),
        ("content-type", "text/html"),
    ];
    server.put("/other/c", "", &described).await;
    assert_eq!(
        header(&server.get("/other/c", &[]).await, "content-type"),
        "text/html"
    );
    let none = server
        .put("/other/d", "", &[("x-goog-copy-source", "other/none")])
        .await;
    refused(none, 404, "NoSuchKey").await;
    let taken = [
        ("x-goog-copy-source", "other/c"),
        ("x-goog-if-generation-match", "0"),
    ];
    refused(
        server.put("/other/c", "", &taken).await,
        412,
        "PreconditionFailed",
    )
    .await;
}

#[tokio::test]
async fn buckets_come_by_use_and_go_when_they_are_empty() {
    let server = Server::new().await;
    assert_eq!(server.put("/made", "", &[]).await.status(), 200);
    refused(
        server.put("/made", "", &[]).await,
        409,
        "BucketAlreadyOwnedByYou",
    )
    .await;
    server.put("/used/x", "1", &[]).await;
    let text = server.text("/").await;
    assert!(
        text.contains("<Name>made</Name>") && text.contains("<Name>used</Name>"),
        "{text}"
    );
    refused(server.delete("/used", &[]).await, 409, "BucketNotEmpty").await;
    server.delete("/used/x", &[]).await;
    assert_eq!(server.delete("/used", &[]).await.status(), 204);
    let head = server
        .request(Method::HEAD, "/used", &[])
        .send()
        .await
        .unwrap();
    assert_eq!(head.status(), 404);
}

#[tokio::test]
async fn memory_ends_where_it_was_told_to() {
    let options = farm_gcs_emulator::Options {
        memory_bytes: 10,
        ..Default::default()
    };
    let server = Server::start(options).await;
    assert_eq!(server.put("/bucket/x", "123456", &[]).await.status(), 200);
    refused(
        server.put("/bucket/y", "123456", &[]).await,
        400,
        "EntityTooLarge",
    )
    .await;
    server.delete("/bucket/x", &[]).await;
    assert_eq!(server.put("/bucket/y", "123456", &[]).await.status(), 200);
}

/// Readers while it is written over: each sees one generation, whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_one_generation() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(farm_gcs_emulator::Options::durable(folder.path())).await;
    let texts = ["a".repeat(300_000), "b".repeat(200_000)];
    server.put("/bucket/x", &texts[0], &[]).await;
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let request = server.request(Method::GET, "/bucket/x", &[]);
        let texts = texts.clone();
        readers.spawn(async move {
            for _ in 0..20 {
                let response = request.try_clone().unwrap().send().await.unwrap();
                let text = response.text().await.unwrap();
                assert!(texts.contains(&text));
            }
        });
    }
    for round in 0..20 {
        let put = server.put("/bucket/x", &texts[round % 2], &[]).await;
        assert_eq!(put.status(), 200);
    }
    readers.join_all().await;
}
