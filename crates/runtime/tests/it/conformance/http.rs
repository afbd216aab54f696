use axum::http::{Method, StatusCode};

use super::{Served, functions};

#[tokio::test]
async fn a_function_gets_the_body_as_it_is_by_any_method() {
    let served = Served::new(functions()).await;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = served.client.request(method, served.url("/http"));
        let answer = request.body(every_byte.clone()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.bytes().await.unwrap(), every_byte);
    }
    let answer = served.client.get(served.url("/http")).send().await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_path_and_a_method_that_no_function_has_are_told_apart() {
    let served = Served::new(functions()).await;
    for (path, status) in [("/robots.txt", 404), ("/event", 405)] {
        let answer = served.client.get(served.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}
