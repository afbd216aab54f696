#[cfg(unix)]
use std::{
    ffi::OsStr,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
};

use super::*;

#[cfg(unix)]
#[test]
fn a_tree_comes_back_as_it_was() {
    let from = Place::new();
    let work = from.work();
    let deep = format!("{}/{}", "long".repeat(30), "name".repeat(40));
    std::fs::create_dir_all(work.join(&deep)).unwrap();
    std::fs::create_dir_all(work.join("empty")).unwrap();
    std::fs::write(work.join("b.sh"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(work.join("b.sh"), PermissionsExt::from_mode(0o750)).unwrap();
    std::fs::File::open(work.join("b.sh"))
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH + NOW / 2)
        .unwrap();
    std::fs::write(work.join(&deep).join("f"), vec![7; 100_000]).unwrap();
    std::fs::write(work.join(OsStr::from_bytes(b"\xff\xfe")), "bytes").unwrap();
    symlink("../b.sh", work.join("empty/link")).unwrap();
    symlink("x".repeat(150), work.join("dangling")).unwrap();

    let archive = create(&Dir::open(&work).unwrap(), Vec::new()).unwrap();
    let to = Place::new();
    let done = to.extract(&archive).unwrap();
    assert_eq!(done.times_failed, 0);
    let back = to.work();
    assert_eq!(to.read("b.sh"), "#!/bin/sh\n");
    let script = back.join("b.sh").metadata().unwrap();
    assert_eq!(script.mode() & 0o7777, 0o750);
    assert_eq!(script.modified().unwrap(), SystemTime::UNIX_EPOCH + NOW / 2);
    assert_eq!(
        std::fs::read(back.join(&deep).join("f")).unwrap(),
        vec![7; 100_000]
    );
    assert_eq!(
        std::fs::read(back.join(OsStr::from_bytes(b"\xff\xfe"))).unwrap(),
        b"bytes"
    );
    assert_eq!(
        std::fs::read_link(back.join("empty/link")).unwrap(),
        Path::new("../b.sh")
    );
    assert_eq!(
        std::fs::read_link(back.join("dangling")).unwrap(),
        Path::new(&"x".repeat(150))
    );
}

#[test]
fn entries_stand_in_byte_order_with_directories_ended_by_a_slash() {
    let place = Place::new();
    std::fs::create_dir_all(place.work().join("a")).unwrap();
    for name in ["a.x", "a/z", "B"] {
        std::fs::write(place.work().join(name), "").unwrap();
    }
    let archive = create(&Dir::open(&place.work()).unwrap(), Vec::new()).unwrap();
    let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
    let names: Vec<_> = reader
        .entries()
        .unwrap()
        .map(|entry| String::from_utf8(entry.unwrap().path_bytes().into()).unwrap())
        .collect();
    assert_eq!(names, ["B", "a/", "a/z", "a.x"]);
}

#[test]
fn several_gzip_members_an_empty_archive_and_global_headers_are_read() {
    let place = Place::new();
    let tar = Archive::default()
        .entry(
            EntryType::XGlobalHeader,
            "/../pax_global_header",
            "",
            b"19 comment=abcdefg\n",
        )
        .file("./a", "hello")
        .0;
    let (first, second) = tar.split_at(700);
    let mut members = gz(first);
    members.extend(gz(second));
    assert_eq!(place.extract(&members).unwrap().entries, 1);
    assert_eq!(place.read("a"), "hello");
    assert_eq!(place.extract(&gz(b"")).unwrap(), Extracted::default());
}

#[cfg(unix)]
#[test]
fn modes_and_times_follow_the_rules() {
    let place = Place::new();
    std::fs::write(place.work().join("old"), "a longer text").unwrap();
    std::fs::set_permissions(place.work().join("old"), PermissionsExt::from_mode(0o600)).unwrap();
    let root = Dir::open(&place.work()).unwrap();
    let early = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    let archive = Archive::default()
        .file("old", "new")
        .file("dir/file", "x")
        .gz();
    extract(&archive[..], &root, &Limits::default(), early).unwrap();
    assert_eq!(place.read("old"), "new");
    let old = place.work().join("old").metadata().unwrap();
    assert_eq!(old.mode() & 0o777, 0o600, "an existing file keeps its mode");
    assert_eq!(
        old.modified().unwrap(),
        early,
        "a time to come is cut to now"
    );
    assert_eq!(
        place.work().join("dir").metadata().unwrap().mode() & 0o777,
        0o755
    );
}

#[test]
fn hard_links_have_content() {
    let place = Place::new();
    place
        .extract(
            &Archive::default()
                .file("d/a", "text")
                .hard_link("b", "d/a")
                .hard_link("b", "b")
                .gz(),
        )
        .unwrap();
    assert_eq!(place.read("b"), "text");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_packed_is_an_error_of_ours() {
    let place = Place::new();
    let _socket = std::os::unix::net::UnixListener::bind(place.work().join("socket")).unwrap();
    let result = create(&Dir::open(&place.work()).unwrap(), Vec::new());
    assert_eq!(
        result.unwrap_err().to_string(),
        "archive socket: sockets cannot be archived"
    );
    assert!(Dir::open(&place.work().join("missing")).is_err());
}

#[cfg(unix)]
#[test]
fn a_file_is_written_whole_or_not_at_all() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
    }
    let place = Place::new();
    let root = Dir::open(&place.work()).unwrap();
    write_file(&root, b"d/a.sh", 0o4751, &b"one"[..]).unwrap();
    assert_eq!(
        place.work().join("d/a.sh").metadata().unwrap().mode() & 0o7777,
        0o4751
    );
    malformed(write_file(&root, b"d/a.sh", 0o644, Broken));
    assert_eq!(place.read("d/a.sh"), "one");
    assert_eq!(
        std::fs::read_dir(place.work().join("d")).unwrap().count(),
        1
    );
    for bad in ["", "..", "../precious", "/x", "a\\b", "."] {
        assert_eq!(
            malformed(write_file(&root, bad.as_bytes(), 0o644, &b""[..])),
            "bad path"
        );
    }
    symlink("../precious", place.work().join("link")).unwrap();
    write_file(&root, b"link", 0o644, &b"two"[..]).unwrap();
    assert_eq!(place.read("link"), "two");
    symlink("..", place.work().join("up")).unwrap();
    assert!(write_file(&root, b"up/precious", 0o644, &b"evil"[..]).is_err());
    place.is_unharmed();
}
