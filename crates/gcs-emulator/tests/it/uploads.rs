use farm_gcs_emulator::Options;
use reqwest::{Method, Response};

use crate::server::{Server, all, header, refused};

/// Begins an upload to `path`; its id.
pub async fn begin(server: &Server, path: &str) -> String {
    let headers = [("content-type", "text/plain"), ("x-goog-meta-a", "b")];
    let begun = server.request(Method::POST, &format!("{path}?uploads"), &headers);
    let text = begun.send().await.unwrap().text().await.unwrap();
    all(&text, "UploadId").remove(0)
}

/// Uploads a part; its tag.
pub async fn part(server: &Server, path: &str, id: &str, number: u32, text: &str) -> String {
    let url = format!("{path}?partNumber={number}&uploadId={id}");
    let put = server.put(&url, text, &[]).await;
    assert_eq!(put.status(), 200);
    header(&put, "etag").to_owned()
}

pub async fn complete(server: &Server, path: &str, id: &str, parts: &[(u32, &str)]) -> Response {
    let parts = parts.iter().map(|(number, etag)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    });
    let xml = format!(
        "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
        parts.collect::<String>()
    );
    let request = server.request(Method::POST, &format!("{path}?uploadId={id}"), &[]);
    request.body(xml).send().await.unwrap()
}

fn small_parts() -> Options {
    Options {
        smallest_part: 3,
        ..Options::default()
    }
}

#[tokio::test]
async fn parts_become_one_object() {
    let server = Server::start(small_parts()).await;
    let id = begin(&server, "/bucket/x").await;
    let two = part(&server, "/bucket/x", &id, 2, "de").await;
    part(&server, "/bucket/x", &id, 1, "zzz").await;
    let one = part(&server, "/bucket/x", &id, 1, "abc").await;
    part(&server, "/bucket/x", &id, 7, "not named").await;
    let listed = server
        .text(&format!("/bucket/x?uploadId={id}&max-parts=2"))
        .await;
    assert_eq!(all(&listed, "PartNumber"), ["1", "2"]);
    assert_eq!(all(&listed, "NextPartNumberMarker"), ["2"]);
    refused(server.get("/bucket/x", &[]).await, 404, "NoSuchKey").await;
    let uploads = server.text("/bucket?uploads").await;
    assert_eq!(all(&uploads, "UploadId"), [id.as_str()]);
    // A client may write a tag's quotes as text, or leave them out.
    let bare = two.trim_matches('"');
    let quoted = one.replace('"', "&quot;");
    let done = complete(&server, "/bucket/x", &id, &[(1, &quoted), (2, bare)]).await;
    assert_eq!(done.status(), 200);
    assert_eq!(header(&done, "x-goog-component-count"), "2");
    let text = done.text().await.unwrap();
    let etag = all(&text, "ETag").remove(0).replace("&quot;", "\"");
    let got = server.get("/bucket/x", &[]).await;
    assert_eq!(header(&got, "etag"), etag);
    assert_eq!(header(&got, "content-type"), "text/plain");
    assert_eq!(header(&got, "x-goog-meta-a"), "b");
    let hashes: Vec<_> = got.headers().get_all("x-goog-hash").iter().collect();
    assert_eq!(hashes.len(), 1, "what was put together has no MD5");
    assert_eq!(got.text().await.unwrap(), "abcde");
    let again = complete(&server, "/bucket/x", &id, &[(1, &one)]).await;
    refused(again, 404, "NoSuchUpload").await;
    assert!(all(&server.text("/bucket?uploads").await, "UploadId").is_empty());
}

#[tokio::test]
async fn parts_that_are_not_as_they_were_named_are_refused() {
    let server = Server::start(small_parts()).await;
    let id = begin(&server, "/bucket/x").await;
    let one = part(&server, "/bucket/x", &id, 1, "ab").await;
    let two = part(&server, "/bucket/x", &id, 2, "cde").await;
    for (parts, code) in [
        (vec![], "InvalidArgument"),
        (vec![(1, two.as_str())], "InvalidPart"),
        (vec![(3, one.as_str())], "InvalidPart"),
        (vec![(0, one.as_str())], "InvalidArgument"),
        (
            vec![(2, two.as_str()), (1, one.as_str())],
            "InvalidPartOrder",
        ),
        (vec![(1, one.as_str()), (2, two.as_str())], "EntityTooSmall"),
    ] {
        refused(complete(&server, "/bucket/x", &id, &parts).await, 400, code).await;
    }
    let elsewhere = complete(&server, "/bucket/y", &id, &[(1, &one)]).await;
    refused(elsewhere, 404, "NoSuchUpload").await;
    assert_eq!(
        complete(&server, "/bucket/x", &id, &[(2, &two)])
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn an_upload_that_was_given_up_is_gone() {
    let server = Server::new().await;
    let id = begin(&server, "/bucket/x").await;
    let one = part(&server, "/bucket/x", &id, 1, "a").await;
    let abort = format!("/bucket/x?uploadId={id}");
    assert_eq!(server.delete(&abort, &[]).await.status(), 204);
    refused(server.delete(&abort, &[]).await, 404, "NoSuchUpload").await;
    let late = server
        .put(&format!("/bucket/x?partNumber=2&uploadId={id}"), "b", &[])
        .await;
    refused(late, 404, "NoSuchUpload").await;
    let late = complete(&server, "/bucket/x", &id, &[(1, &one)]).await;
    refused(late, 404, "NoSuchUpload").await;
}
