use super::*;

#[tokio::test]
async fn only_what_is_not_there_is_missing() {
    let bucket = Bucket::open("memory:").unwrap();
    let there = ViewKey::Farm;
    let put = bucket.put_view(&there.path(), "{}".into(), None).await;
    put.unwrap();
    let keys = [there, ViewKey::Feed, ViewKey::Audit];
    assert_eq!(lost(&bucket, &keys).await, keys[1..]);
}
