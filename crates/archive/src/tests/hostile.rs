#[cfg(unix)]
use std::os::unix::fs::symlink;

use super::*;

#[test]
fn names_that_lead_out_are_refused() {
    for name in [
        "../x",
        "/tmp/farm-archive-x",
        "a/../../x",
        "..",
        "a/..",
        "a\\b",
        "./../x",
    ] {
        let place = Place::new();
        let text = malformed(place.extract(&Archive::default().file(name, "evil").gz()));
        assert_eq!(text, format!("tar file contained invalid name {name:?}"));
        place.is_unharmed();
        assert!(!exists(Path::new("/tmp/farm-archive-x")));
        assert_eq!(std::fs::read_dir(place.work()).unwrap().count(), 0);
    }
}

#[test]
fn long_and_pax_names_are_checked_too() {
    let gnu = Archive::default()
        .entry(EntryType::GNULongName, "././@LongLink", "", b"../x\0")
        .file("fine", "evil");
    let pax = Archive::default()
        .entry(EntryType::XHeader, "p", "", b"13 path=../x\n")
        .file("fine", "evil");
    for archive in [gnu, pax] {
        let place = Place::new();
        assert_eq!(
            malformed(place.extract(&archive.gz())),
            "tar file contained invalid name \"../x\""
        );
        place.is_unharmed();
    }
}

#[test]
fn symbolic_links_that_lead_out_are_left_out_and_counted() {
    for target in [
        "..",
        "../precious",
        "/etc/passwd",
        "a/../../precious",
        "d/l/../..",
    ] {
        let place = Place::new();
        // What comes below its name, or in its place, lies in the tree.
        let archive = Archive::default()
            .symlink("link", target)
            .file("link/precious", "below")
            .symlink("file", target)
            .file("file", "in its place")
            .symlink("alone", target);
        let done = place.extract(&archive.gz()).unwrap();
        assert_eq!((done.entries, done.links_left_out), (5, 3));
        assert_eq!(place.read("link/precious"), "below");
        assert_eq!(place.read("file"), "in its place");
        assert!(!exists(&place.work().join("alone")));
        place.is_unharmed();
    }
}

/// `d/e/l -> ../..` is the tree's top, and `d/e/l/..` would be what is above it.
#[cfg(unix)]
#[test]
fn a_link_that_climbs_out_of_another_link_is_left_out() {
    let place = Place::new();
    let archive = Archive::default()
        .symlink("d/e/l", "../..")
        .symlink("m", "d/e/l/../precious")
        .file("m", "evil");
    assert_eq!(place.extract(&archive.gz()).unwrap().links_left_out, 1);
    assert!(exists(&place.work().join("d/e/l")));
    assert_eq!(place.read("m"), "evil");
    place.is_unharmed();
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_of_the_archive() {
    let place = Place::new();
    let archive = Archive::default().symlink("d", "e").file("d/x", "evil");
    let text = malformed(place.extract(&archive.gz()));
    assert_eq!(
        text,
        "tar file contained invalid name \"d/x\": the way leads through a symbolic link"
    );
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_links_that_were_there() {
    let place = Place::new();
    symlink("..", place.work().join("dir")).unwrap();
    malformed(place.extract(&Archive::default().file("dir/precious", "evil").gz()));
    malformed(
        place.extract(
            &Archive::default()
                .entry(EntryType::Directory, "dir/made/", "", b"")
                .gz(),
        ),
    );
    place.is_unharmed();
    symlink("../precious", place.work().join("file")).unwrap();
    place
        .extract(&Archive::default().file("file", "replaced").gz())
        .unwrap();
    assert_eq!(place.read("file"), "replaced");
    place.is_unharmed();
    symlink("..", place.work().join("top")).unwrap();
    let below = Dir::open(&place.work())
        .unwrap()
        .below(b"top", true)
        .unwrap_err();
    assert_eq!(below.to_string(), "the way leads through a symbolic link");
    assert!(
        Dir::open(&place.work())
            .unwrap()
            .below(b"..", true)
            .unwrap()
            .is_none()
    );
}

#[cfg(unix)]
#[test]
fn hard_links_reach_only_files_of_the_tree() {
    let place = Place::new();
    symlink("../precious", place.work().join("out")).unwrap();
    symlink("..", place.work().join("up")).unwrap();
    for target in [
        "../precious",
        "/etc/passwd",
        "missing",
        "out",
        "up/precious",
        ".",
    ] {
        let text = malformed(place.extract(&Archive::default().hard_link("link", target).gz()));
        assert!(text.contains("no file of the tree"), "{text}");
        assert!(!exists(&place.work().join("link")));
    }
    place.is_unharmed();
}

#[test]
fn nothing_is_written_through_hard_links_that_were_there() {
    let place = Place::new();
    let precious = place.folder.path().join("precious");
    std::fs::hard_link(&precious, place.work().join("file")).unwrap();
    let archive = Archive::default().file("file", "new");
    place.extract(&archive.gz()).unwrap();
    assert_eq!(place.read("file"), "new");
    place.is_unharmed();
}

#[test]
fn files_that_were_linked_may_differ_in_the_next_archive() {
    let place = Place::new();
    let linked = Archive::default().file("a", "one").hard_link("b", "a").gz();
    place.extract(&linked).unwrap();
    assert_eq!(place.read("b"), "one");
    let apart = Archive::default().file("a", "two").file("b", "3");
    place.extract(&apart.gz()).unwrap();
    assert_eq!(
        (place.read("a"), place.read("b")),
        ("two".to_owned(), "3".to_owned())
    );
    // And linked again.
    place.extract(&linked).unwrap();
    assert_eq!(
        (place.read("a"), place.read("b")),
        ("one".to_owned(), "one".to_owned())
    );
}

#[cfg(unix)]
#[test]
fn devices_and_fifos_are_refused_and_do_not_block() {
    let place = Place::new();
    let archive = Archive::default()
        .file("first", "1")
        .entry(EntryType::Fifo, "f", "", b"");
    let text = malformed(place.extract(&archive.gz()));
    assert!(
        text.starts_with("tar file entry f contained unsupported file type"),
        "{text}"
    );
    assert_eq!(place.read("first"), "1");
    nix::unistd::mkfifo(&place.work().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(matches!(
        place.extract(&Archive::default().file("pipe", "x").gz()),
        Err(Error::Local { .. })
    ));
}

#[test]
fn what_is_no_gzip_is_told_so() {
    let place = Place::new();
    let cases: [(&[u8], &str); 3] = [
        (b"", "requires gzip-compressed body: EOF"),
        (b"hello", "requires gzip-compressed body: unexpected EOF"),
        (
            b"hello, this is text",
            "requires gzip-compressed body: gzip: invalid header",
        ),
    ];
    for (body, text) in cases {
        assert_eq!(malformed(place.extract(body)), text);
    }
}

#[test]
fn broken_archives_are_malformed_wherever_they_are_cut() {
    let place = Place::new();
    let content: String = (0..4000)
        .map(|n| char::from(b'a' + (n * n % 23) as u8))
        .collect();
    let whole = Archive::default().file("a", &content).gz();
    for length in (11..whole.len() - 40).step_by(37) {
        assert_eq!(
            malformed(place.extract(&whole[..length])),
            "tar error: unexpected EOF",
            "cut at {length}"
        );
    }
    let short = Archive::default().file("a", &content).0;
    assert_eq!(
        malformed(place.extract(&gz(&short[..3000]))),
        "tar error: unexpected EOF"
    );
    assert!(malformed(place.extract(&gz(&[7; 512]))).starts_with("tar error: "));
}

#[test]
fn limits_hold() {
    let place = Place::new();
    let root = Dir::open(&place.work()).unwrap();
    let archive = Archive::default()
        .file("a", "12345")
        .file("b", "12345")
        .gz();
    let with = |limits: &Limits| malformed(extract(&archive[..], &root, limits, now()));
    assert_eq!(
        with(&Limits {
            bytes: 9,
            ..Limits::default()
        }),
        "archive holds more than 9 bytes"
    );
    assert_eq!(
        with(&Limits {
            entries: 1,
            ..Limits::default()
        }),
        "archive has more than 1 entries"
    );
    let deep = Archive::default().file(&"d/".repeat(40), "").gz();
    let limits = Limits {
        depth: 39,
        ..Limits::default()
    };
    assert!(
        malformed(extract(&deep[..], &root, &limits, now()))
            .starts_with("tar file contained invalid name")
    );
}

/// A name that claims gigabytes is refused before it is read.
#[test]
fn an_extended_header_does_not_decide_how_much_memory_is_used() {
    let place = Place::new();
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::GNULongName);
    header.set_size(4 << 30);
    header.set_cksum();
    assert_eq!(
        malformed(place.extract(&gz(header.as_bytes()))),
        "tar error: extended header too long"
    );
}
