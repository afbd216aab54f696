use std::fs;
use std::os::unix::fs::PermissionsExt;

use farm_bucket::{Bucket, BucketError, folder_url};
use farm_model::id::DeliveryId;

use crate::contract::each;
use crate::{at, in_folder};

#[tokio::test]
async fn a_probe_leaves_nothing() {
    each(async |bucket| bucket.check_writable().await.unwrap()).await;
    let (bucket, folder) = in_folder();
    bucket.check_writable().await.unwrap();
    let left = fs::read_dir(folder.path().join("bucket/probe")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_folder_that_is_something_else_says_what_to_do() {
    let (bucket, folder) = in_folder();
    fs::write(folder.path().join("bucket/probe"), "not a folder").unwrap();
    let error = bucket.check_writable().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("in {}", bucket.url())), "{text}");
    assert!(text.contains("cannot write probe/"), "{text}");
    assert!(text.contains("move it away"), "{text}");
}

#[tokio::test]
async fn an_unwritable_folder_says_what_to_do() {
    let (bucket, folder) = in_folder();
    let path = folder.path().join("bucket");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(path.join("root may"), "").is_ok() {
        return; // For root, every folder is writable.
    }
    let error = bucket.check_writable().await.unwrap_err();
    assert!(!error.may_pass());
    let text = error.to_string();
    assert!(text.contains("must belong to the user"), "{text}");
}

#[tokio::test]
async fn what_a_killed_writer_left_is_not_seen() {
    let (bucket, folder) = in_folder();
    let when = at("2026-11-24T15:00:00Z");
    let id: DeliveryId = "a".repeat(64).parse().unwrap();
    let hour = folder.path().join("bucket/deliveries/github/2026-11-24T15");
    fs::create_dir_all(&hour).unwrap();
    fs::write(hour.join(format!("{id}#1")), "half of a").unwrap();
    assert_eq!(
        bucket.get_delivery("github", when, &id).await.unwrap(),
        None
    );
    bucket
        .put_delivery("github", when, &id, None, "all".into())
        .await
        .unwrap();
    let listed = bucket
        .list_deliveries("github", when, None, 10)
        .await
        .unwrap();
    assert_eq!(listed, [id]);
}

#[test]
fn one_coordinator_holds_a_folder() {
    let (bucket, folder) = in_folder();
    let lock = bucket.lock_folder().unwrap();
    let second = Bucket::open(&folder_url(&folder.path().join("bucket")).unwrap()).unwrap();
    let refused = second.lock_folder().unwrap_err();
    assert!(matches!(refused, BucketError::Held { .. }));
    assert!(refused.may_pass());
    drop(lock);
    let _held = second.lock_folder().unwrap();
    let memory = Bucket::open("memory:").unwrap();
    let _both = (memory.lock_folder().unwrap(), memory.lock_folder().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn times_of_durable_writes() {
    let (bucket, _folder) = in_folder();
    let when = at("2026-11-24T15:00:00Z");
    for at_once in [1usize, 8, 32] {
        let start = std::time::Instant::now();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..at_once {
            let bucket = bucket.clone();
            writers.spawn(async move {
                for n in 0..256 / at_once {
                    let id = format!("{at_once:032x}{:032x}", writer * 1000 + n)
                        .parse()
                        .unwrap();
                    bucket
                        .put_delivery("github", when, &id, None, vec![b'x'; 8000].into())
                        .await
                        .unwrap();
                }
            });
        }
        writers.join_all().await;
        println!(
            "256 deliveries of 8 kB, {at_once} at a time: {:?}",
            start.elapsed()
        );
    }
    let start = std::time::Instant::now();
    for n in 0..256 {
        bucket
            .put_view(&format!("build/{n}.json"), vec![b'x'; 4000].into(), None)
            .await
            .unwrap();
    }
    println!("256 views of 4 kB, one at a time: {:?}", start.elapsed());
    let start = std::time::Instant::now();
    for n in 0..256u64 {
        let attempt = format!("{n:032x}/1/steps/1").parse().unwrap();
        bucket
            .put_log_chunk(&attempt, 0, vec![b'x'; 4000].into())
            .await
            .unwrap();
    }
    println!(
        "256 first log chunks of 4 kB, one at a time: {:?}",
        start.elapsed()
    );
}
