#[cfg(unix)]
use std::{
    ffi::OsStr,
    io::Read,
    os::unix::{ffi::OsStrExt, fs::symlink},
};

use super::*;

/// The names told.
fn names(place: &Place, of: &str, listing: &Listing) -> Result<Vec<Vec<u8>>, Error> {
    let mut names = Vec::new();
    let root = Dir::open(&place.work()).unwrap();
    list(&root, of.as_bytes(), listing, &mut |found| {
        names.push(found.name.to_vec());
        Ok(())
    })?;
    Ok(names)
}

fn tree() -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.work().join("a/deep")).unwrap();
    std::fs::create_dir_all(place.work().join("skipped/in")).unwrap();
    for name in ["a.x", "a/deep/f", "a/z", "B", "skipped/in/f"] {
        std::fs::write(place.work().join(name), "").unwrap();
    }
    place
}

fn recursive(skip: &[&str]) -> Listing {
    Listing {
        recursive: true,
        skip: skip.iter().map(|name| name.as_bytes().to_vec()).collect(),
    }
}

#[test]
fn a_tree_is_told_depth_first_in_byte_order() {
    let place = tree();
    let told = names(&place, "", &recursive(&["skipped"])).unwrap();
    assert_eq!(
        told,
        [&b"B"[..], b"a", b"a/deep", b"a/deep/f", b"a/z", b"a.x"]
    );
    let flat = names(&place, ".", &Listing::default()).unwrap();
    assert_eq!(flat, [&b"B"[..], b"a", b"a.x", b"skipped"]);
    // Relative to what is listed; only directories are skipped, by exactly their name.
    let told = names(&place, "a/deep/..", &recursive(&["z", "deep/", "a/deep"])).unwrap();
    assert_eq!(told, [&b"deep"[..], b"deep/f", b"z"]);
    assert_eq!(names(&place, "a", &recursive(&["deep"])).unwrap(), [b"z"]);
}

#[cfg(unix)]
#[test]
fn names_are_bytes_and_files_can_be_opened() {
    let place = Place::new();
    let name = OsStr::from_bytes(b"\xff\tx");
    std::fs::write(place.work().join(name), "content").unwrap();
    let root = Dir::open(&place.work()).unwrap();
    let mut seen = Vec::new();
    list(&root, b"", &Listing::default(), &mut |found| {
        let mut text = String::new();
        found.open()?.read_to_string(&mut text)?;
        seen.push((found.name.to_vec(), found.size(), text));
        Ok(())
    })
    .unwrap();
    assert_eq!(seen, [(b"\xff\tx".to_vec(), 7, "content".to_owned())]);
}

#[cfg(unix)]
#[test]
fn what_is_no_directory_is_told_alone() {
    let place = tree();
    symlink("a", place.work().join("link")).unwrap();
    for of in ["B", "a/z", "link"] {
        assert_eq!(names(&place, of, &recursive(&[])).unwrap(), [b""], "{of}");
    }
}

#[cfg(unix)]
#[test]
fn a_listing_never_leaves_the_tree() {
    let place = Place::new();
    symlink("..", place.work().join("up")).unwrap();
    std::fs::create_dir(place.work().join("d")).unwrap();
    symlink("../..", place.work().join("d/up")).unwrap();
    let told = names(&place, "", &recursive(&[])).unwrap();
    assert_eq!(told, [&b"d"[..], b"d/up", b"up"]);
    for of in ["up/work", "up/precious", "d/up/work"] {
        assert!(
            matches!(names(&place, of, &recursive(&[])), Err(Error::Local { .. })),
            "{of}"
        );
    }
    for of in ["..", "/", "d/../..", "a\\b"] {
        assert_eq!(malformed(names(&place, of, &recursive(&[]))), "bogus dir");
    }
}

#[test]
fn what_is_missing_or_refused_by_the_listener_ends_the_listing() {
    let place = tree();
    let error = names(&place, "none", &recursive(&[])).unwrap_err();
    assert!(error.to_string().starts_with("lstat none: "), "{error}");
    let root = Dir::open(&place.work()).unwrap();
    let mut told = 0;
    let error = list(&root, b"", &recursive(&[]), &mut |_| {
        told += 1;
        Err(std::io::ErrorKind::BrokenPipe.into())
    });
    assert!(error.is_err() && told == 1);
}

#[test]
fn a_tree_deeper_than_there_are_handles_is_refused() {
    let place = Place::new();
    let mut at = Dir::open(&place.work()).unwrap();
    for _ in 0..600 {
        at = at.enter(b"d", true).unwrap();
    }
    let error = names(&place, "", &recursive(&[])).unwrap_err();
    assert!(error.to_string().contains("nested too deep"), "{error}");
}
