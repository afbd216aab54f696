//! The work dir (`buildlet.md` 4.2 to 4.7).

use std::io::Read;
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use crate::harness::{Machine, alone};
use crate::peer::{post, with_body};

/// A gzipped tar archive of one file.
fn archive(name: &str, text: &[u8]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o755);
    header.set_mtime(1_556_186_400);
    tar.append_data(&mut header, name, text).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn archives_go_in_and_come_out_with_slashes() {
    let mut m = Machine::start().await;
    let request = with_body("PUT", "/writetgz?dir=in", &archive("a/b.txt", b"text"));
    assert_eq!(m.ask(request).await.said(), (200, "OK"));
    let listed = m.get("/ls?recursive=true&digest=true").await;
    let names: Vec<_> = listed
        .text()
        .lines()
        .map(|line| line.split('\t').nth(1))
        .collect();
    assert_eq!(names, [Some("in/"), Some("in/a/"), Some("in/a/b.txt")]);
    assert!(
        listed.text().contains("\t4\t2019-04-25T10:00:00Z\t"),
        "{}",
        listed.text()
    );
    let packed = m.get("/tgz?dir=in").await;
    let mut tar = tar::Archive::new(MultiGzDecoder::new(&packed.body[..]));
    let mut found = Vec::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        found.push((
            String::from_utf8(entry.path_bytes().into_owned()).unwrap(),
            text,
        ));
    }
    let wanted = [("a/", ""), ("a/b.txt", "text")];
    assert_eq!(
        found,
        wanted.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
    m.end().await;
}

#[tokio::test]
async fn read_only_files_are_removed_and_open_ones_once_they_are_closed() {
    let mut m = Machine::start().await;
    m.write("dir/read-only", "x").await;
    m.write("dir/open", "x").await;
    let file = m.work_dir().join("dir/read-only");
    let mut rights = file.metadata().unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&file, rights).unwrap();
    let held = alone(&m.work_dir().join("dir/open")).unwrap();
    let mut peer = m.dial().await;
    peer.send(post("/removeall", &[("path", "dir")])).await;
    let early = tokio::time::timeout(Duration::from_millis(200), peer.line()).await;
    assert!(early.is_err(), "answered while a file was open: {early:?}");
    drop(held);
    let answer = peer.answer().await;
    assert_eq!(answer.said(), (200, ""));
    assert!(!m.work_dir().join("dir").exists());
    m.end().await;
}

#[tokio::test]
async fn a_file_that_stays_open_is_named_in_the_end() {
    let mut m = Machine::start().await;
    m.write("open", "x").await;
    let _held = alone(&m.work_dir().join("open")).unwrap();
    let answer = m.ask(post("/removeall", &[("path", "open")])).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("open"), "{answer:?}");
    m.end().await;
}

#[tokio::test]
async fn no_path_leads_out_of_it() {
    let mut m = Machine::start().await;
    for path in ["C:x", "C:/x", r"a\..\..\x", "../x", "a:b", "NUL", "x."] {
        let path = path.replace('\\', "%5C").replace(':', "%3A");
        let target = format!("/write?path={path}&mode=420");
        let answer = m.ask(with_body("PUT", &target, b"x")).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
    }
    assert_eq!(m.get("/ls").await.said(), (200, ""));
    m.end().await;
}
