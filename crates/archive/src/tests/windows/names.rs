use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt;

use super::*;

/// Names that lead somewhere else, or are no files.
const BAD: [&str; 24] = [
    "C:",
    "C:x",
    "C:/x",
    "a/C:/x",
    "\\x",
    "\\\\server\\share\\x",
    "//server/share/x",
    "\\\\?\\C:\\x",
    "//?/C:/x",
    "//./NUL",
    "a\\..\\..\\precious",
    "precious:stream",
    "a:b",
    "a::$DATA",
    "d::$INDEX_ALLOCATION/x",
    "NUL",
    "a/nul.txt",
    "COM1",
    "CONOUT$",
    "..  /precious",
    ".. /precious",
    ".../precious",
    "a.",
    "a /b",
];

#[test]
fn names_that_are_something_else_are_refused_everywhere() {
    for name in BAD {
        let place = Place::new();
        let root = Dir::open(&place.work()).unwrap();
        let bytes = name.as_bytes();
        for archive in [
            Archive::default().file(name, "evil"),
            Archive::default().entry(EntryType::Directory, name, "", b""),
        ] {
            let text = malformed(place.extract(&archive.gz()));
            assert_eq!(text, format!("tar file contained invalid name {name:?}"));
        }
        assert_eq!(
            malformed(write_file(&root, bytes, 0o644, &b"evil"[..])),
            "bad path"
        );
        let text = malformed(remove(&place.work(), &[name]));
        assert_eq!(text, format!("bad 'path' parameter: {name:?}"));
        let told = list(&root, bytes, &Listing::default(), &mut |_| Ok(()));
        assert_eq!(malformed(told), "bogus dir");
        assert!(root.below(bytes, true).unwrap().is_none(), "{name:?}");
        assert!(listed(&place, "").is_empty(), "{name:?}");
        place.is_unharmed();
    }
}

#[test]
fn names_that_are_not_unicode_are_refused() {
    let place = Place::new();
    let mut archive = Archive::default().file("xx", "evil").0;
    archive[..2].copy_from_slice(b"\xff\xfe");
    let sum: u32 = archive[..148]
        .iter()
        .chain(&archive[156..512])
        .map(|&byte| u32::from(byte))
        .sum();
    archive[148..155].copy_from_slice(format!("{:07o}", sum + 256).as_bytes());
    let text = malformed(place.extract(&gz(&archive)));
    assert!(
        text.starts_with("tar file contained invalid name"),
        "{text}"
    );
}

#[test]
fn case_makes_no_difference() {
    let place = Place::new();
    place
        .extract(&Archive::default().file("Dir/File", "one").gz())
        .unwrap();
    place
        .extract(&Archive::default().file("dIR/fILE", "two").gz())
        .unwrap();
    assert_eq!(place.read("dir/file"), "two");
    let names: Vec<_> = listed(&place, "dir")
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, ["File"]);
    let both = Archive::default().file("x", "1").file("X", "2");
    let text = malformed(place.extract(&both.gz()));
    assert!(text.contains("differs in case alone"), "{text}");
    remove(&place.work(), &["DIR/FILE"]).unwrap();
    assert!(listed(&place, "dir").is_empty());
}

#[test]
fn names_that_windows_hides_are_told_packed_and_removed() {
    let place = Place::new();
    let verbatim = std::fs::canonicalize(place.work()).unwrap();
    for name in ["nul", "dots..", "space "] {
        std::fs::create_dir(verbatim.join(name)).unwrap();
        std::fs::write(verbatim.join(name).join("f. "), name).unwrap();
    }
    let names: Vec<_> = listed(&place, "")
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(
        names,
        [
            "dots..",
            "dots../f. ",
            "nul",
            "nul/f. ",
            "space ",
            "space /f. "
        ]
    );
    let root = Dir::open(&place.work()).unwrap();
    let archive = create(&root, Vec::new()).unwrap();
    malformed(Place::new().extract(&archive));
    drop(root);
    remove(&place.work(), &["."]).unwrap();
    assert!(!exists(&place.work()));
}

#[test]
#[ignore = "wants NTFS: the files of wine have names in UTF-8"]
fn names_that_are_not_unicode_are_told_and_removed() {
    let place = Place::new();
    let half = OsString::from_wide(&[0x61, 0xd83d]);
    std::fs::write(place.work().join(half), "x").unwrap();
    let mut told = Vec::new();
    let root = Dir::open(&place.work()).unwrap();
    list(&root, b"", &Listing::default(), &mut |found| {
        told.push((found.name.to_vec(), found.size()));
        Ok(())
    })
    .unwrap();
    assert_eq!(told, [(b"a\xed\xa0\xbd".to_vec(), 1)]);
    drop(root);
    remove(&place.work(), &["."]).unwrap();
    assert!(!exists(&place.work()));
}
