use crate::farm::{DONE, Farm};
use crate::typed::farm;

#[tokio::test]
async fn each_builder_is_listed_with_its_head() {
    let server = Farm::with(&[DONE]).await;
    let out = farm(&["builders", "--server", &server.url]).await.printed();
    assert_eq!(
        out,
        "\
builder  repository  branch  head    usually  hosts
lint     sample      main    failed  75 s     local  paused: new disk
test     sample      main    queued  -        -
"
    );
    let json = farm(&["builders", "--json", "--server", &server.url]).await;
    let json: serde_json::Value = serde_json::from_str(&json.printed()).unwrap();
    assert_eq!(json[0]["usual_seconds"], 75.0);
    assert_eq!(json[1]["head"], "queued");
}
