#[cfg(unix)]
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn all_paths_are_checked_before_any_is_removed() {
    let place = Place::new();
    std::fs::write(place.work().join("a"), "").unwrap();
    for bad in ["..", "../precious", "a/..", "/etc", "", "a\\b"] {
        let text = malformed(remove(&place.work(), &["a", bad]));
        assert_eq!(text, format!("bad 'path' parameter: {bad:?}"));
        assert!(exists(&place.work().join("a")));
    }
    place.is_unharmed();
}

#[cfg(unix)]
#[test]
fn links_are_removed_and_never_followed() {
    let place = Place::new();
    let beside = tempfile::tempdir().unwrap();
    std::fs::write(beside.path().join("precious"), "").unwrap();
    symlink(beside.path(), place.work().join("link")).unwrap();
    assert!(remove(&place.work(), &["link/precious"]).is_err());
    remove(&place.work(), &["link"]).unwrap();
    assert!(!exists(&place.work().join("link")));
    std::fs::create_dir(place.work().join("d")).unwrap();
    symlink(beside.path(), place.work().join("d/link")).unwrap();
    remove(&place.work(), &["d"]).unwrap();
    assert!(exists(&beside.path().join("precious")));
}

#[cfg(unix)]
#[test]
fn read_only_trees_and_missing_paths_are_no_trouble() {
    let place = Place::new();
    let inner = place.work().join("mod/cache");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join("f"), "").unwrap();
    for dir in [&inner, &place.work().join("mod")] {
        std::fs::set_permissions(dir, PermissionsExt::from_mode(0o555)).unwrap();
    }
    std::fs::create_dir(place.work().join("closed")).unwrap();
    std::fs::set_permissions(
        place.work().join("closed"),
        PermissionsExt::from_mode(0o000),
    )
    .unwrap();
    remove(
        &place.work(),
        &["missing", "missing/deeper", "mod", "closed"],
    )
    .unwrap();
    assert_eq!(std::fs::read_dir(place.work()).unwrap().count(), 0);
}

#[test]
fn a_dot_removes_the_tree_itself() {
    let place = Place::new();
    std::fs::create_dir_all(place.work().join("a/b/c")).unwrap();
    std::fs::write(place.work().join("a/f"), "").unwrap();
    remove(&place.work(), &["."]).unwrap();
    assert!(!exists(&place.work()));
    remove(&place.work(), &[".", "a"]).unwrap();
    place.is_unharmed();
}

/// More directories in one another than are held open or listed. Each costs wine a look at all above it.
const DEEP: usize = if cfg!(windows) { 520 } else { 1200 };

#[test]
fn a_tree_of_any_depth_is_removed_though_it_cannot_be_packed() {
    let place = Place::new();
    let deep = |top: &str| {
        let tree = place.work().join(top).join("d/".repeat(DEEP));
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("f"), "").unwrap();
    };
    deep("tree");
    // Where a directory is to be moved from, and what is moved, may be read-only.
    #[cfg(unix)]
    for depth in [499, 500, 501] {
        let dir = place.work().join("tree").join("d/".repeat(depth));
        std::fs::set_permissions(dir, PermissionsExt::from_mode(0o555)).unwrap();
    }
    let packed = create(&Dir::open(&place.work()).unwrap(), Vec::new()).map(drop);
    let text = packed.unwrap_err().to_string();
    assert!(
        text.ends_with("directories nested deeper than 500"),
        "{text}"
    );
    std::fs::write(place.work().join("kept"), "").unwrap();
    remove(&place.work(), &["tree"]).unwrap();
    let names = std::fs::read_dir(place.work()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["kept"]);
    deep("tree");
    remove(&place.work(), &["."]).unwrap();
    assert!(!exists(&place.work()));
    place.is_unharmed();
}
