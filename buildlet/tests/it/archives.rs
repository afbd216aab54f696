//! Trees in and out, files, removal (`buildlet.md` 4.2 to 4.7).

use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use crate::harness::{Buildlet, until};
use crate::peer::{bare, post, sh, with_body};

/// An archive, hostile ones too: names and links are put in as they are.
pub fn tgz(entries: &[(EntryType, &str, &str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, name, link, content) in entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o750);
        header.set_mtime(1_000_000_000);
        let gnu = header.as_gnu_mut().unwrap();
        gnu.name[..name.len()].copy_from_slice(name.as_bytes());
        gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend([0; 1024]);
    gz(&bytes)
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Names and content of an archive, in its order.
fn listed(archive: &[u8]) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(archive));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let mut content = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(target) = entry.link_name_bytes() {
            content = format!("-> {}", String::from_utf8(target.into_owned()).unwrap());
        }
        (name, content)
    });
    entries.collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Beside the work dir lies what nothing may touch.
fn precious(b: &Buildlet) -> impl Fn() + use<> {
    let (file, folder) = (b.outside("precious"), b.outside("folder"));
    std::fs::write(&file, "precious").unwrap();
    std::fs::create_dir(&folder).unwrap();
    let outside = b.outside(".");
    move || {
        assert_eq!(read(&file), "precious");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        let names = std::fs::read_dir(&outside).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.retain(|name| name != "work");
        names.sort();
        assert_eq!(names, ["folder", "log", "precious"]);
    }
}

use EntryType::{Directory, Fifo, Link, Regular, Symlink};

#[tokio::test]
async fn an_archive_is_unpacked_where_it_should_be() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    let archive = tgz(&[
        (Directory, "d/", "", ""),
        (Regular, "d/run.sh", "", "#!/bin/sh\necho hello\n"),
        (Regular, "deep/er/f", "", "content"),
        (Symlink, "d/link", "run.sh", ""),
        (Link, "d/hard", "d/run.sh", ""),
    ]);
    let answer = b.put("/writetgz", &archive).await;
    assert_eq!(
        (answer.head.as_str(), answer.text()),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain; charset=utf-8",
            "OK"
        )
    );
    assert_eq!(read(&work.join("deep/er/f")), "content");
    assert_eq!(read(&work.join("d/link")), "#!/bin/sh\necho hello\n");
    let run = work.join("d/run.sh").metadata().unwrap();
    assert_eq!(run.permissions().mode() & 0o777, 0o750);
    let seconds = run
        .modified()
        .unwrap()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert_eq!(seconds, 1_000_000_000);
    assert_eq!(
        b.post("/exec", &[("cmd", "d/hard")]).await.text(),
        "hello\n"
    );
    // Into folders that are there or not, chunked, and with several members.
    for dir in ["a/b", "a/../c", "d"] {
        assert_eq!(
            b.put(&format!("/writetgz?dir={dir}"), &archive)
                .await
                .said(),
            (200, "OK")
        );
    }
    for file in ["a/b/deep/er/f", "c/deep/er/f", "d/deep/er/f"] {
        assert_eq!(read(&work.join(file)), "content");
    }
    let (front, back) = archive.split_at(100);
    let chunked = [
        b"PUT /writetgz?dir=chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n",
        front,
        format!("\r\n{:x}\r\n", back.len()).as_bytes(),
        back,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    assert_eq!(b.ask(chunked).await.said(), (200, "OK"));
    assert_eq!(read(&work.join("chunked/deep/er/f")), "content");
    b.end().await;
}

#[tokio::test]
async fn a_missing_work_dir_is_made_again() {
    let b = Buildlet::start().await;
    std::fs::remove_dir_all(b.work_dir()).unwrap();
    let archive = tgz(&[(Regular, "f", "", "content")]);
    assert_eq!(b.put("/writetgz", &archive).await.said(), (200, "OK"));
    assert_eq!(read(&b.work_dir().join("f")), "content");
    b.end().await;
}

#[tokio::test]
async fn hostile_archives_are_refused_and_nothing_is_written_outside() {
    let b = Buildlet::start().await;
    let unharmed = precious(&b);
    let (work, outside) = (b.work_dir(), b.outside("precious"));
    let (absolute, folder) = (outside.to_str().unwrap(), b.outside("folder"));
    let folder = folder.to_str().unwrap();
    symlink("../folder", work.join("planted")).unwrap();
    symlink("../precious", work.join("file")).unwrap();
    for entries in [
        &[(Regular, "../x", "", "evil")][..],
        &[(Regular, "../precious", "", "evil")],
        &[(Regular, "d/../../precious", "", "evil")],
        &[(Regular, "..", "", "evil")],
        &[(Regular, absolute, "", "evil")],
        &[(Regular, "a\\b", "", "evil")],
        &[(Directory, "../made/", "", "")],
        // Allowed as a link, but not to be walked through.
        &[(Symlink, "in", "tmp", ""), (Regular, "in/x", "", "evil")],
        &[(Regular, "planted/x", "", "evil")],
        &[(Directory, "planted/made/", "", "")],
        &[(Link, "h", "../precious", ""), (Regular, "h", "", "evil")],
        &[(Link, "h", absolute, ""), (Regular, "h", "", "evil")],
        &[(Link, "h", "file", ""), (Regular, "h", "", "evil")],
        &[(Link, "h", "planted/../precious", "")],
        &[(Fifo, "p", "", "")],
    ] {
        let answer = b.put("/writetgz", &tgz(entries)).await;
        assert_eq!(answer.status, 400, "{entries:?}: {}", answer.text());
        assert!(answer.text().starts_with("tar file"), "{}", answer.text());
        unharmed();
    }
    // Links that lead out are left out: what comes below their names stays in the tree.
    for (name, links) in [
        ("l1", &[(Symlink, "l1", "../folder", "")][..]),
        ("l2", &[(Symlink, "l2", folder, "")]),
        ("l3", &[(Symlink, "l3", "..", "")]),
        (
            "l4",
            &[
                (Symlink, "d/e/l", "../..", ""),
                (Symlink, "l4", "d/e/l/../folder", ""),
            ],
        ),
    ] {
        let below = format!("{name}/precious");
        let archive = tgz(&[links, &[(Regular, &below, "", "inside")]].concat());
        let answer = b.put("/writetgz", &archive).await;
        assert_eq!(answer.said(), (200, "OK"), "{name}");
        assert_eq!(read(&work.join(below)), "inside");
        unharmed();
    }
    assert!(b.log().contains("were left out"), "{}", b.log());
    let answer = b
        .put("/writetgz", &tgz(&[(Regular, "../x", "", "evil")]))
        .await;
    assert_eq!(
        answer.said(),
        (400, "tar file contained invalid name \"../x\"\n")
    );
    // A link in the place of a file is replaced, not followed.
    assert_eq!(
        b.put("/writetgz", &tgz(&[(Regular, "file", "", "good")]))
            .await
            .said(),
        (200, "OK")
    );
    assert_eq!(read(&work.join("file")), "good");
    // Nor does `dir` lead out.
    let archive = tgz(&[(Regular, "x", "", "evil")]);
    for dir in [
        "..",
        "../folder",
        "a/../../folder",
        folder,
        "a%5cb",
        "%2e%2e/folder",
    ] {
        let answer = b.put(&format!("/writetgz?dir={dir}"), &archive).await;
        assert_eq!(answer.said(), (400, "bogus dir\n"), "{dir}");
    }
    let answer = b.put("/writetgz?dir=planted", &archive).await;
    assert!(answer.status >= 400, "{answer:?}");
    unharmed();
    b.end().await;
}

#[tokio::test]
async fn what_is_no_archive_is_400_with_the_reason() {
    let b = Buildlet::start().await;
    let whole = tgz(&[(Regular, "f", "", &"content".repeat(1000))]);
    let gzip = "requires gzip-compressed body: ";
    for (body, text) in [
        (&b"hello"[..], format!("{gzip}unexpected EOF\n")),
        (b"", format!("{gzip}EOF\n")),
        (
            b"hello, this is no archive",
            format!("{gzip}gzip: invalid header\n"),
        ),
        (
            &whole[..whole.len() / 2],
            "tar error: unexpected EOF\n".to_owned(),
        ),
        (
            &gz(&[7; 600]),
            "tar error: archive/tar: invalid tar header\n".to_owned(),
        ),
    ] {
        let answer = b.put("/writetgz?dir=foo", body).await;
        assert_eq!(answer.said(), (400, text.as_str()));
    }
    let answer = b.put("/writetgz?dir=foo", b"hello").await;
    assert!(
        answer.head.ends_with("Content-Length: 46"),
        "{}",
        answer.head
    );
    // An empty archive is one.
    assert_eq!(
        b.put("/writetgz?dir=foo", &gz(b"")).await.said(),
        (200, "OK")
    );
    // Much more may follow a bad beginning: the answer still comes.
    let mut long = b"no archive".to_vec();
    long.resize(200_000, 0);
    assert_eq!(b.put("/writetgz", &long).await.status, 400);
    // The disk's trouble is ours.
    std::fs::write(b.work_dir().join("file"), "").unwrap();
    assert_eq!(b.put("/writetgz?dir=file/x", &whole).await.status, 500);
    b.end().await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_does_no_harm() {
    let b = Buildlet::start().await;
    let mut peer = b.dial().await;
    let whole = tgz(&[(Regular, "f", "", &"content".repeat(1000))]);
    let request = with_body("PUT", "/writetgz?dir=half", &whole);
    peer.send(&request[..request.len() - 50]).await;
    until("the beginning", || b.work_dir().join("half").exists()).await;
    drop(peer);
    let mut peer = b.dial().await;
    peer.send(
        "PUT /write?path=half/w&mode=420 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello",
    )
    .await;
    drop(peer);
    // A file appears whole or not at all, and its unfinished beginning goes.
    let unfinished = || {
        let names = std::fs::read_dir(b.work_dir().join("half")).unwrap();
        names
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .starts_with('.')
            })
            .count()
    };
    assert_eq!(
        b.put("/writetgz?dir=half", &whole).await.said(),
        (200, "OK")
    );
    until("tidiness", || unfinished() == 0).await;
    assert!(!b.work_dir().join("half/w").exists());
    b.end().await;
}

#[tokio::test]
async fn the_bootstrap_is_skipped_only_if_it_is_there() {
    let b = Buildlet::start().await;
    let url = [("url", "http://example/boot.tar.gz")];
    std::fs::create_dir(b.work_dir().join("go1.4")).unwrap();
    assert_ne!(b.post("/writetgz?dir=go1.4", &url).await.text(), "SKIP");
    let archive = tgz(&[(Regular, "VERSION", "", "go1.4")]);
    assert_eq!(
        b.put("/writetgz?dir=go1.4", &archive).await.said(),
        (200, "OK")
    );
    let answer = b.post("/writetgz?dir=go1.4", &url).await;
    assert_eq!(
        (answer.head.as_str(), answer.text()),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/plain; charset=utf-8",
            "SKIP"
        )
    );
    // PUT never skips, and neither does another spelling.
    assert_eq!(b.put("/writetgz?dir=go1.4", &archive).await.text(), "OK");
    assert_ne!(b.post("/writetgz?dir=go1.4/", &url).await.text(), "SKIP");
    assert_eq!(
        b.post("/writetgz?dir=x", &[]).await.said(),
        (400, "missing url POST param\n")
    );
    b.end().await;
}

#[tokio::test]
async fn a_tree_makes_the_round_trip() {
    let b = Buildlet::start().await;
    let script = "mkdir -p tree/a/empty tree/b; cd tree; echo 1 > b/one; printf 2 > a-two; ln -s ../b/one a/link; \
                  chmod 700 b/one; touch -d @1000000000 a-two; head -c 3000000 /dev/urandom > big";
    assert_eq!(b.ask(sh(script)).await.state(), "ok");
    let mut peer = b.dial().await;
    let answer = peer.ask(bare("GET", "/tgz?dir=tree")).await;
    assert_eq!(
        answer.head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/x-gzip\r\nTransfer-Encoding: chunked"
    );
    let big = std::fs::read(b.work_dir().join("tree/big")).unwrap();
    assert_eq!(
        b.put("/writetgz?dir=copy", &answer.body).await.said(),
        (200, "OK")
    );
    let same = "cd tree; find . -printf '%P %y %m %l\\n' | sort > ../tree.list; cd ../copy; \
                find . -printf '%P %y %m %l\\n' | sort > ../copy.list; cd ..; diff tree.list copy.list && diff -r tree copy && \
                test $(stat -c %Y copy/a-two) = 1000000000";
    let compared = b.ask(sh(same)).await;
    assert_eq!((compared.text(), compared.state()), ("", "ok"));
    assert_eq!(std::fs::read(b.work_dir().join("copy/big")).unwrap(), big);
    // Order and names.
    std::fs::remove_file(b.work_dir().join("tree/big")).unwrap();
    let answer = peer.ask(bare("GET", "/tgz?dir=tree&pargzip=0")).await;
    let names = ["a/", "a/empty/", "a/link", "a-two", "b/", "b/one"];
    let mut found = listed(&answer.body);
    assert_eq!(found[2], ("a/link".to_owned(), "-> ../b/one".to_owned()));
    assert_eq!(
        found.last().unwrap(),
        &("b/one".to_owned(), "1\n".to_owned())
    );
    found.sort();
    let mut names = names.map(str::to_owned).to_vec();
    names.sort();
    assert_eq!(
        found.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        names
    );
    // The work dir itself.
    let whole = listed(&peer.ask(bare("GET", "/tgz")).await.body);
    assert!(
        whole.iter().any(|(name, _)| name == "tree/b/one")
            && whole.iter().any(|(name, _)| name == "tmp/")
    );
    b.end().await;
}

#[tokio::test]
async fn what_cannot_be_packed_is_no_archive() {
    let b = Buildlet::start().await;
    let unharmed = precious(&b);
    for dir in ["..", "/", "a/../..", "%2e%2e"] {
        assert_eq!(
            b.get(&format!("/tgz?dir={dir}")).await.said(),
            (400, "bogus dir\n"),
            "{dir}"
        );
    }
    let answer = b.get("/tgz?dir=none").await;
    assert_eq!(answer.status, 404);
    symlink("../folder", b.work_dir().join("planted")).unwrap();
    assert_eq!(b.get("/tgz?dir=planted").await.status, 500);
    // A failure in the middle cuts the answer: it must not look complete.
    std::fs::create_dir(b.work_dir().join("bad")).unwrap();
    let noise: Vec<u8> = (0..1_000_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    std::fs::write(b.work_dir().join("bad/a"), noise).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(b.work_dir().join("bad/b")).unwrap();
    let mut peer = b.dial().await;
    peer.send(bare("GET", "/tgz?dir=bad")).await;
    let head = peer.head().await;
    if head.starts_with("HTTP/1.1 200 OK") {
        let bytes = peer.until_closed().await;
        assert!(bytes.len() > 1000 && !bytes.ends_with(b"0\r\n\r\n"));
    } else {
        // It failed before the first piece was compressed.
        let answer = peer.rest(head, false).await;
        assert_eq!(answer.status, 500);
        assert!(answer.text().starts_with("tgz: archive b: "), "{answer:?}");
    }
    unharmed();
    b.end().await;
}

#[tokio::test]
async fn removal_stays_in_the_work_dir() {
    let b = Buildlet::start().await;
    let unharmed = precious(&b);
    let work = b.work_dir();
    std::fs::write(work.join("kept"), "").unwrap();
    symlink("../folder", work.join("planted")).unwrap();
    symlink("..", work.join("up")).unwrap();
    let outside = b.outside("precious");
    for bad in [
        "",
        "..",
        "../precious",
        "a/../..",
        "kept/..",
        "/",
        outside.to_str().unwrap(),
        "a\\b",
    ] {
        let answer = b
            .post("/removeall", &[("path", "kept"), ("path", bad)])
            .await;
        assert_eq!(answer.status, 400, "{bad:?}: {}", answer.text());
        assert_eq!(answer.text(), format!("bad 'path' parameter: {bad:?}\n"));
        assert!(work.join("kept").exists(), "{bad:?}");
        unharmed();
    }
    for through in ["up/precious", "planted/x", "up/work/kept"] {
        assert!(
            b.post("/removeall", &[("path", through)]).await.status >= 400,
            "{through}"
        );
        assert!(work.join("kept").exists());
        unharmed();
    }
    assert_eq!(
        b.post("/removeall", &[]).await.said(),
        (400, "requires 'path' parameter\n")
    );
    // Links go, what they lead to stays.
    let answer = b
        .post(
            "/removeall",
            &[("path", "planted"), ("path", "up"), ("path", "missing/x")],
        )
        .await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nContent-Length: 0");
    assert!(work.join("planted").symlink_metadata().is_err());
    unharmed();
    b.end().await;
}

#[tokio::test]
async fn removal_takes_what_it_is_given() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    let made = "mkdir -p cache/m d; touch cache/m/f d/f kept; chmod 500 cache/m cache";
    assert_eq!(b.ask(sh(made)).await.state(), "ok");
    // Module caches are read-only.
    let answer = b.ask(post("/removeall?path=d", &[("path", "cache")])).await;
    assert_eq!(answer.said(), (200, ""));
    assert!(!work.join("cache").exists() && !work.join("d").exists() && work.join("kept").exists());
    assert_eq!(
        b.post("/removeall", &[("path", ".")]).await.said(),
        (200, "")
    );
    assert!(!work.exists() && work.parent().unwrap().exists());
    assert_eq!(
        b.post("/removeall", &[("path", ".")]).await.said(),
        (200, "")
    );
    b.end().await;
}
