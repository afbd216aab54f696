//! Listings (`buildlet.md` 4.6).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use nix::sys::signal::Signal;

use crate::harness::{Buildlet, kilobytes, until};
use crate::peer::bare;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn file(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    mode(path, 0o644);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_modified(then).unwrap();
}

/// Without what every work dir has.
async fn lines(b: &Buildlet, query: &str) -> Vec<u8> {
    let answer = b.get(&format!("/ls?skip=tmp&skip=gocache&{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.body
}

async fn text(b: &Buildlet, query: &str) -> String {
    String::from_utf8(lines(b, query).await).unwrap()
}

/// So many files, with lines of three and a half thousand bytes each.
fn long_lines(work: &Path, count: usize) {
    let dir = (0..14).fold(work.to_owned(), |dir, _| dir.join("long".repeat(60)));
    std::fs::create_dir_all(&dir).unwrap();
    for number in 0..count {
        std::fs::write(dir.join(format!("{}{number}", "n".repeat(100))), "").unwrap();
    }
}

const THEN: &str = "2001-09-09T01:46:40Z";
const HELLO: &str = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
const NOTHING: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

#[tokio::test]
async fn every_kind_of_entry_has_its_line() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    for dir in ["d", "d/sub", "sticky"] {
        std::fs::create_dir(work.join(dir)).unwrap();
        mode(&work.join(dir), 0o755);
    }
    mode(&work.join("sticky"), 0o1777);
    file(&work.join("d/f"), "hello");
    file(&work.join("d.x"), "");
    file(&work.join("setuid"), "hello");
    mode(&work.join("setuid"), 0o4755);
    symlink("d/f", work.join("link")).unwrap();
    symlink("d", work.join("link-to-dir")).unwrap();
    nix::unistd::mkfifo(&work.join("pipe"), nix::sys::stat::Mode::empty()).unwrap();
    mode(&work.join("pipe"), 0o644);
    let _socket = std::os::unix::net::UnixListener::bind(work.join("socket")).unwrap();
    mode(&work.join("socket"), 0o755);
    let flat = format!(
        "drwxr-xr-x\td/\n-rw-r--r--\td.x\t0\t{THEN}\nLrwxrwxrwx\tlink\nLrwxrwxrwx\tlink-to-dir\nprw-r--r--\tpipe\n\
         urwxr-xr-x\tsetuid\t5\t{THEN}\nSrwxr-xr-x\tsocket\ndtrwxrwxrwx\tsticky/\n"
    );
    assert_eq!(text(&b, "").await, flat);
    assert_eq!(text(&b, "dir=.&recursive=false&digest=0").await, flat);
    // Depth first: what is in a directory comes right behind it.
    let deep = format!("d/\n-rw-r--r--\td/f\t5\t{THEN}\ndrwxr-xr-x\td/sub/\n");
    let deep = flat.replacen("d/\n", &deep, 1);
    assert_eq!(text(&b, "recursive=true").await, deep);
    let digests = flat
        .replace(
            &format!("d.x\t0\t{THEN}"),
            &format!("d.x\t0\t{THEN}\t{NOTHING}"),
        )
        .replace(&format!("5\t{THEN}"), &format!("5\t{THEN}\t{HELLO}"));
    assert_eq!(text(&b, "digest=1").await, digests);
    b.end().await;
}

#[tokio::test]
async fn names_are_relative_to_what_is_listed_and_skipped_by_them() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    std::fs::create_dir_all(work.join("go/pkg/deep")).unwrap();
    std::fs::create_dir_all(work.join("go/src")).unwrap();
    file(&work.join("go/src/f"), "hello");
    file(&work.join("go/pkg/f"), "hello");
    let src = format!("drwxr-xr-x\tsrc/\n-rw-r--r--\tsrc/f\t5\t{THEN}\n");
    assert_eq!(text(&b, "dir=go&recursive=true&skip=pkg").await, src);
    assert_eq!(text(&b, "dir=go/src/..&recursive=1&skip=pkg").await, src);
    // Neither another spelling nor a file is skipped.
    let f = format!("-rw-r--r--\tf\t5\t{THEN}\n");
    assert_eq!(text(&b, "dir=go/src&skip=f&skip=./f").await, f);
    let all = text(&b, "dir=go&recursive=t&skip=pkg/&skip=go/pkg&skip=pkg/deep").await;
    assert_eq!(
        all,
        format!("drwxr-xr-x\tpkg/\n-rw-r--r--\tpkg/f\t5\t{THEN}\n{src}")
    );
    // A file alone has an empty name.
    let alone = format!("-rw-r--r--\t\t5\t{THEN}\t{HELLO}\n");
    assert_eq!(text(&b, "dir=go/src/f&digest=true").await, alone);
    // An empty listing is an empty answer.
    let answer = b.get("/ls?dir=go/pkg/deep").await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nContent-Length: 0");
    b.end().await;
}

#[tokio::test]
async fn names_go_out_as_the_bytes_that_they_are() {
    let b = Buildlet::start().await;
    let names: [&[u8]; 4] = [b"\xff\xfe", b"a", b"b\tc", "\u{fc}".as_bytes()];
    for name in names {
        file(&b.work_dir().join(OsStr::from_bytes(name)), "");
    }
    let line = |name: &[u8]| [b"-rw-r--r--\t", name, format!("\t0\t{THEN}\n").as_bytes()].concat();
    // In byte order.
    let sorted = [names[1], names[2], names[3], names[0]];
    assert_eq!(lines(&b, "").await, sorted.map(line).concat());
    b.end().await;
}

#[tokio::test]
async fn listings_stay_in_the_work_dir() {
    let b = Buildlet::start().await;
    std::fs::create_dir(b.outside("folder")).unwrap();
    std::fs::write(b.outside("folder/secret"), "").unwrap();
    symlink("../folder", b.work_dir().join("planted")).unwrap();
    for dir in ["..", "/", "a/../..", "../folder", "%2e%2e", "a%5cb", "a%00"] {
        let answer = b.get(&format!("/ls?dir={dir}")).await;
        assert_eq!(answer.said(), (400, "bogus dir\n"), "{dir}");
    }
    // A link is named, not followed.
    assert_eq!(text(&b, "recursive=true").await, "Lrwxrwxrwx\tplanted\n");
    assert_eq!(
        text(&b, "dir=planted&recursive=true").await,
        "Lrwxrwxrwx\t\n"
    );
    let answer = b.get("/ls?dir=planted/secret").await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.text().starts_with("Walk error: "),
        "{}",
        answer.text()
    );
    b.end().await;
}

#[tokio::test]
async fn what_is_missing_is_a_walk_error_and_a_missing_work_dir_is_made() {
    let b = Buildlet::start().await;
    let answer = b.get("/ls?dir=none").await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.text().starts_with("Walk error: lstat none: "),
        "{}",
        answer.text()
    );
    std::fs::remove_dir_all(b.work_dir()).unwrap();
    assert_eq!(b.get("/ls").await.said(), (200, ""));
    assert!(b.work_dir().is_dir());
    b.end().await;
}

#[tokio::test]
async fn a_failure_after_the_first_line_cuts_the_answer() {
    let Some(b) = Buildlet::of_ordinary_user().await else {
        crate::skipped("an ordinary user cannot run the program under test");
        return;
    };
    let work = b.work_dir();
    file(&work.join("a"), "hello");
    std::fs::create_dir(work.join("closed")).unwrap();
    mode(&work.join("closed"), 0);
    let mut peer = b.dial().await;
    peer.send(bare("GET", "/ls?recursive=true&skip=tmp&skip=gocache"))
        .await;
    assert_eq!(
        peer.head().await,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked"
    );
    let chunk = format!("-rw-r--r--\ta\t5\t{THEN}\nd---------\tclosed/\n");
    let bytes = format!("{:x}\r\n{chunk}\r\n", chunk.len());
    assert_eq!(String::from_utf8(peer.until_closed().await).unwrap(), bytes);
    // Before the first line it is a 500.
    mode(&work.join("a"), 0);
    let answer = b.get("/ls?digest=true").await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.text().starts_with("Walk error: list a: "),
        "{}",
        answer.text()
    );
    b.end().await;
}

/// A listing of less than 2 KiB has a length; a longer one comes in chunks, as it is made.
#[tokio::test]
async fn long_listings_are_streamed() {
    let b = Buildlet::start().await;
    let work = b.work_dir();
    let line = format!("-rw-r--r--\t{:04}\t0\t{THEN}\n", 0).len();
    let fitting = 2048 / line;
    for number in 0..fitting {
        file(&work.join(format!("{number:04}")), "");
    }
    let short = b.get("/ls?skip=tmp&skip=gocache").await;
    assert!(short.head.contains("Content-Length: "), "{}", short.head);
    assert_eq!(short.body.len(), fitting * line);
    file(&work.join("last"), "");
    let long = b.get("/ls?skip=tmp&skip=gocache").await;
    assert_eq!(
        long.head,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nTransfer-Encoding: chunked"
    );
    assert_eq!(long.body.len(), (fitting + 1) * line);
    long_lines(&work, 400);
    let peak = || kilobytes(b.pid(), "status", "VmHWM");
    let before = peak();
    let mut peer = b.dial().await;
    peer.send(bare("GET", "/ls?recursive=true&digest=true"))
        .await;
    peer.head().await;
    let mut length = 0;
    while let Some(chunk) = peer.chunk().await {
        assert!(chunk.len() < 8 << 10);
        length += chunk.len();
    }
    let grown = peak() - before;
    assert!(length > 1 << 20, "{length}");
    assert!(grown < 2 << 10, "{grown} kB");
    b.end().await;
}

/// A client that does not read holds only its own listing up, and its end the end of that.
#[tokio::test]
async fn a_client_that_does_not_read_is_let_go() {
    let b = Buildlet::start().await;
    long_lines(&b.work_dir(), 700);
    let mut peer = b.dial().await;
    peer.send(bare("GET", "/ls?recursive=true")).await;
    peer.head().await;
    assert_eq!(b.get("/status").await.status, 200);
    drop(peer);
    b.end().await;
}

/// A file of a terabyte that takes no room, but hours to be summed up.
#[tokio::test]
async fn an_endless_digest_ends_with_the_buildlet() {
    let mut b = Buildlet::start().await;
    let file = std::fs::File::create(b.work_dir().join("endless")).unwrap();
    if file.set_len(1 << 40).is_err() {
        crate::skipped("no file system for large files here");
        return;
    }
    let mut peer = b.dial().await;
    peer.send(bare("GET", "/ls?digest=true&skip=tmp&skip=gocache"))
        .await;
    let reads = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", b.pid())).unwrap();
        files
            .filter_map(|file| std::fs::read_link(file.unwrap().path()).ok())
            .any(|file| file.ends_with("endless"))
    };
    until("the beginning of the sum", reads).await;
    assert_eq!(b.get("/status").await.status, 200);
    b.signal(Signal::SIGTERM);
    b.ended().await;
    assert_eq!(peer.until_closed().await, b"");
}
