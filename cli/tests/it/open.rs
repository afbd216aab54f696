use crate::farm::{COMMIT, DONE, Farm, LINT};
use crate::typed::farm;

#[tokio::test]
async fn a_page_is_found_by_what_it_is_about() {
    let server = Farm::with(&[DONE]).await;
    let url = &server.url;
    for (what, path) in [
        ("lint", "/builder/lint".to_owned()),
        ("5b0c9d1e", format!("/commits/{COMMIT}?repo=sample")),
        ("lint@5b0c9d1e", format!("/build/{LINT}")),
        ("3f2a", format!("/build/{LINT}")),
    ] {
        let out = farm(&["open", what, "--print", "--server", url]).await;
        assert_eq!(out.printed(), format!("{url}{path}\n"));
    }
    let front = farm(&["open", "--print", "--server", url]).await;
    assert_eq!(front.printed(), format!("{url}/\n"));
    let error = farm(&["open", "abcd", "--print", "--server", url]).await;
    assert!(error.failure().contains("no build abcd"));
}
