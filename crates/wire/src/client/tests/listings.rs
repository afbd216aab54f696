use super::*;
use crate::client::{DirEntry, ListOptions, TransportError};

async fn listed(digest: bool, lines: impl AsRef<[u8]>) -> Result<Vec<DirEntry>, TransportError> {
    let fake = Fake::new();
    let client = fake.client();
    let options = ListOptions {
        digest,
        ..ListOptions::default()
    };
    let lines = lines.as_ref();
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    // In pieces that respect no line.
    for piece in lines.chunks(7) {
        answer.extend(format!("{:x}\r\n", piece.len()).bytes());
        answer.extend(piece);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    let serve = async {
        let mut accepted = fake.accept().await;
        accepted.request().await;
        // Larger than what fits into the connection; the client may stop reading.
        drop(tokio::io::AsyncWriteExt::write_all(&mut accepted.0, &answer).await);
        accepted
    };
    let list = async {
        let mut listing = client.list_dir("", &options).await?;
        let mut entries = Vec::new();
        while let Some(entry) = listing.next().await? {
            entries.push(entry);
        }
        Ok(entries)
    };
    tokio::join!(serve, list).1
}

#[tokio::test]
async fn entries_are_read_as_the_worked_exchange_has_them() {
    let sum = "731df63abb56c1a8000f7cadd85b2edf6e0915a6";
    let lines = format!(
        "-rwxr-xr-x\ta.sh\t31\t2026-11-22T20:44:27Z\t{sum}\ndrwxr-xr-x\td/\nLrwxrwxrwx\td/link\n\
         urwxr-xr-x\tset\t0\t2026-11-22T20:44:27Z\t{sum}\ndtrwxrwxrwx\ttmp/\nprw-r--r--\tp\n"
    );
    let entries = listed(true, lines).await.unwrap();
    let names: Vec<_> = entries
        .iter()
        .map(|entry| String::from_utf8_lossy(entry.name()))
        .collect();
    assert_eq!(names, ["a.sh", "d/", "d/link", "set", "tmp/", "p"]);
    let script = &entries[0];
    assert_eq!(
        (script.mode(), script.size(), script.digest()),
        ("-rwxr-xr-x", Some(31), Some(sum))
    );
    assert_eq!(script.modified(), Some("2026-11-22T20:44:27Z"));
    let directories: Vec<_> = entries.iter().map(DirEntry::is_dir).collect();
    assert_eq!(directories, [false, true, false, false, true, false]);
    assert_eq!((entries[2].size(), entries[2].digest()), (None, None));
    assert_eq!(entries[3].size(), Some(0));
}

#[tokio::test]
async fn odd_names_come_through() {
    let entries = listed(
        false,
        b"-rw-r--r--\t\xff\xfe\ttab \t5\t2026-11-22T20:44:27Z\n",
    )
    .await
    .unwrap();
    assert_eq!(entries[0].name(), b"\xff\xfe\ttab ");
    assert_eq!((entries[0].size(), entries[0].digest()), (Some(5), None));
    // The listed thing was a file.
    let entries = listed(false, "-rw-r--r--\t\t5\t2026-11-22T20:44:27Z\n")
        .await
        .unwrap();
    assert_eq!(entries[0].name(), b"");
}

#[tokio::test]
async fn an_empty_tree_has_no_entries() {
    assert_eq!(listed(true, "").await.unwrap(), []);
}

#[tokio::test]
async fn what_is_no_line_is_an_error() {
    for bad in [
        "\n",
        "x\n",
        "rwxr-xr-x\tname\n",
        "-rw-r--r--\tname\n",
        "-rw-r--r--\tname\tlarge\t2026\n",
    ] {
        let entries = listed(false, bad).await;
        assert!(
            matches!(entries, Err(TransportError::Protocol(_))),
            "{bad:?}: {entries:?}"
        );
    }
}

#[tokio::test]
async fn a_line_is_at_most_64_kib_long() {
    let line = |length: usize| format!("Lrwxrwxrwx\t{}\n", "n".repeat(length - 11));
    assert_eq!(listed(false, line(64 * 1024)).await.unwrap().len(), 1);
    for length in [64 * 1024 + 1, 300_000] {
        let entries = listed(false, line(length)).await;
        assert!(
            matches!(entries, Err(TransportError::Protocol(_))),
            "{length}"
        );
    }
}

#[tokio::test]
async fn a_listing_that_is_cut_is_no_listing() {
    let fake = Fake::new();
    let cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\ndrwxr-xr-x\tname/\n";
    let client = fake.client();
    let options = ListOptions::default();
    let serve = async { drop(fake.serve(cut).await) };
    let ((), listing) = tokio::join!(serve, client.list_dir("", &options));
    let mut listing = listing.unwrap();
    let mut ended = listing.next().await;
    while matches!(ended, Ok(Some(_))) {
        ended = listing.next().await;
    }
    assert!(matches!(ended, Err(TransportError::Http(_))), "{ended:?}");
    let missing = "HTTP/1.1 500 X\r\nContent-Length: 11\r\n\r\nWalk error:";
    let client = fake.client();
    let (_, listing) = tokio::join!(fake.serve(missing), client.list_dir("none", &options));
    assert!(matches!(
        listing,
        Err(TransportError::Status { status: 500, .. })
    ));
}
