use std::io;

use bytes::Bytes;
use farm_bucket::{Bucket, BucketError};
use farm_model::id::BlobId;
use futures::{StreamExt, TryStreamExt, stream};

use super::each;
use crate::in_folder;

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn id(text: &str) -> BlobId {
    text.parse().unwrap()
}

/// `size` bytes in pieces of 64 KiB.
fn large(size: usize) -> Vec<io::Result<Bytes>> {
    let bytes: Vec<u8> = (0..size).map(|n| (n / 7) as u8).collect();
    let pieces = bytes.chunks(64 << 10);
    pieces
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect()
}

async fn whole(bucket: &Bucket, id: &BlobId) -> Vec<u8> {
    let blob = bucket.stream_blob(id).await.unwrap().unwrap();
    let size = blob.size;
    let bytes: Vec<Bytes> = blob.bytes.try_collect().await.unwrap();
    let bytes = bytes.concat();
    assert_eq!(bytes.len() as u64, size);
    bytes
}

#[tokio::test]
async fn a_blob_is_found_by_its_digest() {
    each(async |bucket| {
        assert!(!bucket.has_blob(&id(HELLO)).await.unwrap());
        assert_eq!(bucket.get_blob(&id(HELLO), 100).await.unwrap(), None);
        assert!(bucket.stream_blob(&id(HELLO)).await.unwrap().is_none());
        for _ in 0..2 {
            assert_eq!(bucket.put_blob("hello".into()).await.unwrap(), id(HELLO));
        }
        assert!(bucket.has_blob(&id(HELLO)).await.unwrap());
        assert_eq!(
            bucket.get_blob(&id(HELLO), 5).await.unwrap().unwrap(),
            "hello"
        );
        assert_eq!(bucket.blob_size(&id(HELLO)).await.unwrap(), Some(5));
        let over = bucket.get_blob(&id(HELLO), 4).await;
        assert!(matches!(
            over,
            Err(BucketError::TooLarge {
                size: 5,
                limit: 4,
                ..
            })
        ));
    })
    .await;
}

#[tokio::test]
async fn a_range_ends_with_the_blob() {
    each(async |bucket| {
        assert_eq!(bucket.get_blob_range(&id(HELLO), 0..1).await.unwrap(), None);
        bucket.put_blob("hello".into()).await.unwrap();
        for (range, expected) in [
            (1..3, "el"),
            (3..99, "lo"),
            (5..6, ""),
            (70..99, ""),
            (0..0, ""),
        ] {
            let bytes = bucket
                .get_blob_range(&id(HELLO), range.clone())
                .await
                .unwrap();
            assert_eq!(bytes.unwrap(), expected, "{range:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_range_is_read_as_it_comes() {
    each(async |bucket| {
        let hello = id(HELLO);
        let absent = bucket.stream_blob_range(&hello, 0..1).await.unwrap();
        assert!(absent.is_none());
        bucket.put_blob("hello".into()).await.unwrap();
        for (range, expected) in [(1..3, "el"), (3..99, "lo"), (0..5, "hello")] {
            let found = bucket.stream_blob_range(&hello, range.clone()).await;
            let found = found.unwrap().unwrap();
            assert_eq!(found.size, expected.len() as u64, "{range:?}");
            let pieces: Vec<Bytes> = found.bytes.try_collect().await.unwrap();
            assert_eq!(pieces.concat(), expected.as_bytes(), "{range:?}");
        }
        assert!(bucket.stream_blob_range(&hello, 5..6).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_stream_larger_than_a_part_is_stored_whole() {
    each(async |bucket| {
        let pieces = large(20 << 20);
        let expected: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.as_ref().unwrap().to_vec())
            .collect();
        let direct = bucket.put_blob(expected.clone().into()).await.unwrap();
        // Over the one that is there, and where none is.
        let streamed = bucket
            .put_blob_from(stream::iter(pieces), u64::MAX, Some(&direct))
            .await;
        assert_eq!(streamed.unwrap(), direct);
        assert!(whole(&bucket, &direct).await == expected);
        let empty = bucket
            .put_blob_from(stream::empty(), 0, None)
            .await
            .unwrap();
        assert_eq!(whole(&bucket, &empty).await, b"");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_as_said_is_not_stored() {
    let (bucket, folder) = in_folder();
    let other = "0".repeat(64);
    let put = bucket
        .put_blob_from(stream::iter(large(100)), 1000, Some(&id(&other)))
        .await;
    assert!(matches!(put, Err(BucketError::Digest { .. })));
    let put = bucket
        .put_blob_from(stream::iter(large(20 << 20)), 10 << 20, None)
        .await;
    assert!(matches!(put, Err(BucketError::TooLarge { .. })));
    let broken = stream::iter(large(9 << 20)).chain(stream::iter([Err(io::Error::other("cut"))]));
    let put = bucket.put_blob_from(broken, u64::MAX, None).await;
    assert!(put.unwrap_err().to_string().contains("broke off: cut"));
    assert!(!bucket.has_blob(&id(&other)).await.unwrap());
    let left = |name| std::fs::read_dir(folder.path().join("bucket").join(name));
    assert!(left("blobs").is_err(), "no blob was stored");
    assert_eq!(left("staging").unwrap().count(), 0, "nothing is left over");
}

#[tokio::test]
async fn an_address_that_is_handed_out_sends_the_blob_to_anybody() {
    each(async |bucket| {
        let blob = bucket.put_blob(Bytes::from_static(b"hello")).await.unwrap();
        let address = bucket.blob_url(&blob, "text/plain").await.unwrap();
        // It is signed with the credentials of the environment, if it has any.
        #[cfg(feature = "aws")]
        let signs = crate::child::told("AWS_ACCESS_KEY_ID").is_some();
        #[cfg(not(feature = "aws"))]
        let signs = false;
        assert_eq!(address.is_some(), signs && bucket.url().starts_with("s3:"));
        #[cfg(feature = "aws")]
        if let Some(address) = address {
            let answer = reqwest::get(&address).await.unwrap();
            assert_eq!(answer.headers()["content-type"], "text/plain");
            assert_eq!(answer.bytes().await.unwrap(), "hello");
        }
    })
    .await;
}
