//! The JSON API, as client libraries speak it.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::server::{Server, header};

const OBJECTS: &str = "/storage/v1/b/bucket/o";

async fn document(response: Response) -> Value {
    assert_eq!(
        header(&response, "content-type"),
        "application/json; charset=UTF-8"
    );
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

/// Uploads in the form that libraries use for what is small.
async fn upload(server: &Server, query: &str, said: &Value, content: &str) -> Response {
    let body = format!(
        "--==x==\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n{said}\r\n\
         --==x==\r\ncontent-type: text/plain\r\n\r\n{content}\r\n--==x==--"
    );
    let path = format!("/upload{OBJECTS}?uploadType=multipart{query}");
    let kind = [("content-type", "multipart/related; boundary=\"==x==\"")];
    let request = server.request(Method::POST, &path, &kind);
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn an_object_is_the_same_in_both_apis() {
    let server = Server::new().await;
    let said = json!({
        "name": "a/b",
        "cacheControl": "no-store",
        "metadata": { "Colour": "green" },
        "md5Hash": "XUFAKrxLKna5cZ2REBfFkg==",
    });
    let stored = document(upload(&server, "", &said, "hello").await).await;
    for (key, value) in [
        ("kind", json!("storage#object")),
        ("name", json!("a/b")),
        ("bucket", json!("bucket")),
        ("size", json!("5")),
        ("contentType", json!("text/plain")),
        ("cacheControl", json!("no-store")),
        ("metadata", json!({ "colour": "green" })),
        ("crc32c", json!("mnG7TA==")),
        ("md5Hash", json!("XUFAKrxLKna5cZ2REBfFkg==")),
        ("metageneration", json!("1")),
    ] {
        assert_eq!(stored[key], value, "{key}");
    }
    let got = server.get("/bucket/a/b", &[]).await;
    assert_eq!(header(&got, "x-goog-meta-colour"), "green");
    assert_eq!(header(&got, "x-goog-generation"), stored["generation"]);
    let object = format!("{OBJECTS}/a%2Fb");
    assert_eq!(document(server.get(&object, &[]).await).await, stored);
    for path in [
        format!("/download{object}?alt=media"),
        format!("{object}?alt=media"),
    ] {
        let part = server.get(&path, &[("range", "bytes=1-2")]).await;
        assert_eq!(part.status(), 206);
        assert_eq!(part.text().await.unwrap(), "el");
    }
    assert_eq!(server.delete(&object, &[]).await.status(), 204);
    let gone = server.get(&object, &[]).await;
    assert_eq!(gone.status(), 404);
    let gone = document(gone).await;
    assert_eq!(gone["error"]["code"], 404);
    assert_eq!(gone["error"]["errors"][0]["reason"], "notFound");
}

#[tokio::test]
async fn conditions_and_checksums_are_in_the_query_and_the_document() {
    let server = Server::new().await;
    let said = json!({ "name": "x" });
    let only_new = "&ifGenerationMatch=0";
    assert_eq!(upload(&server, only_new, &said, "1").await.status(), 200);
    let again = upload(&server, only_new, &said, "2").await;
    assert_eq!(again.status(), 412);
    assert_eq!(
        document(again).await["error"]["errors"][0]["reason"],
        "conditionNotMet"
    );
    let other = server
        .delete(&format!("{OBJECTS}/x?ifGenerationMatch=1"), &[])
        .await;
    assert_eq!(other.status(), 412);
    let wrong = json!({ "name": "x", "crc32c": "AAAAAA==" });
    assert_eq!(upload(&server, "", &wrong, "hello").await.status(), 400);
    assert_eq!(server.text("/bucket/x").await, "1");
    let resumable = format!("/upload{OBJECTS}?uploadType=resumable&name=x");
    let resumable = server
        .request(Method::POST, &resumable, &[])
        .send()
        .await
        .unwrap();
    assert_eq!(resumable.status(), 501);
}

#[tokio::test]
async fn media_is_uploaded_under_a_name_in_the_query() {
    let server = Server::new().await;
    let path = format!("/upload{OBJECTS}?uploadType=media&name=a%20b");
    let request = server.request(Method::POST, &path, &[("content-type", "image/png")]);
    let stored = document(request.body("hello").send().await.unwrap()).await;
    assert_eq!(stored["name"], "a b");
    assert_eq!(stored["contentType"], "image/png");
}

#[tokio::test]
async fn lists_go_on_by_their_token() {
    let server = Server::new().await;
    for name in ["a/1", "a/2", "b", "c"] {
        server.put(&format!("/bucket/{name}"), "1", &[]).await;
    }
    let list =
        async |query: &str| document(server.get(&format!("{OBJECTS}?{query}"), &[]).await).await;
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = list("delimiter=%2F&maxResults=2").await;
    assert_eq!(page["prefixes"], json!(["a/"]));
    assert_eq!(names(&page), ["b"]);
    let token = page["nextPageToken"].as_str().unwrap();
    let rest = list(&format!("delimiter=%2F&maxResults=2&pageToken={token}")).await;
    assert_eq!(names(&rest), ["c"]);
    assert_eq!(rest.get("nextPageToken"), None);
    assert_eq!(names(&list("prefix=a%2F").await), ["a/1", "a/2"]);
    let unknown = server.get(&format!("{OBJECTS}?startOffset=b"), &[]).await;
    assert_eq!(unknown.status(), 501);
}

#[tokio::test]
async fn buckets_are_made_and_removed() {
    let server = Server::new().await;
    let make = server.request(Method::POST, "/storage/v1/b?project=p", &[]);
    let make = make.body(r#"{"name":"made"}"#);
    let made = make.try_clone().unwrap().send().await.unwrap();
    assert_eq!(document(made).await["name"], "made");
    assert_eq!(make.send().await.unwrap().status(), 409);
    let all = document(server.get("/storage/v1/b?project=p", &[]).await).await;
    assert_eq!(all["items"][0]["id"], "made");
    assert_eq!(server.get("/storage/v1/b/made", &[]).await.status(), 200);
    assert_eq!(server.delete("/storage/v1/b/made", &[]).await.status(), 204);
    assert_eq!(server.get("/storage/v1/b/made", &[]).await.status(), 404);
}
