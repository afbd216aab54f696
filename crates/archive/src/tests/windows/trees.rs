use std::fs::File;
use std::process::Command;

use super::*;

#[test]
fn a_tree_comes_back_as_windows_can_keep_it() {
    let from = Place::new();
    let work = from.work();
    let deep = format!("{}/{}", "long".repeat(50), "name".repeat(50));
    // Longer than programs without long paths could open.
    let verbatim = std::fs::canonicalize(&work)
        .unwrap()
        .join(deep.replace('/', "\\"));
    std::fs::create_dir_all(&verbatim).unwrap();
    std::fs::write(verbatim.join("f"), vec![7; 100_000]).unwrap();
    std::fs::create_dir(work.join("empty")).unwrap();
    std::fs::write(work.join("ä€😀"), "text").unwrap();
    std::fs::write(work.join("fixed"), "fixed").unwrap();
    let time = SystemTime::UNIX_EPOCH + NOW / 2;
    let file = File::options()
        .write(true)
        .open(work.join("fixed"))
        .unwrap();
    file.set_modified(time).unwrap();
    drop(file);
    set_read_only(&work.join("fixed"), true);

    let archive = create_members(&Dir::open(&work).unwrap(), Vec::new()).unwrap();
    let to = Place::new();
    let done = to.extract(&archive).unwrap();
    assert_eq!((done.entries, done.times_failed), (6, 0));
    assert_eq!(
        (to.read("fixed"), to.read("ä€😀")),
        ("fixed".to_owned(), "text".to_owned())
    );
    assert_eq!(
        to.work()
            .join("fixed")
            .metadata()
            .unwrap()
            .modified()
            .unwrap(),
        time
    );
    let root = Dir::open(&to.work()).unwrap();
    let mut content = Vec::new();
    list(
        &root,
        format!("{deep}/f").as_bytes(),
        &Listing::default(),
        &mut |found| std::io::Read::read_to_end(&mut found.open()?, &mut content).map(drop),
    )
    .unwrap();
    assert_eq!(content, vec![7; 100_000]);
    set_read_only(&work.join("fixed"), false);
}

#[test]
fn modes_say_what_is_read_only_and_names_have_slashes() {
    let place = Place::new();
    place
        .extract(
            &Archive::default()
                .file("d/e/f", "x")
                .file("fixed", "x")
                .gz(),
        )
        .unwrap();
    set_read_only(&place.work().join("fixed"), true);
    let expected = [
        (0o040_777, "d"),
        (0o040_777, "d/e"),
        (0o100_666, "d/e/f"),
        (0o100_444, "fixed"),
    ];
    let found = listed(&place, "");
    let found: Vec<_> = found
        .iter()
        .map(|(mode, name)| (*mode, name.as_str()))
        .collect();
    assert_eq!(found, expected);
    let archive = create(&Dir::open(&place.work()).unwrap(), Vec::new()).unwrap();
    let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
    let modes: Vec<_> = reader
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().header().mode().unwrap())
        .collect();
    assert_eq!(modes, [0o777, 0o777, 0o666, 0o444]);
    set_read_only(&place.work().join("fixed"), false);
}

#[test]
fn symbolic_links_and_devices_are_not_made() {
    let place = Place::new();
    let archive = Archive::default()
        .file("a", "text")
        .symlink("inside", "a")
        .symlink("outside", "../precious")
        .symlink("a", "b");
    assert_eq!(place.extract(&archive.gz()).unwrap().links_left_out, 3);
    assert_eq!(listed(&place, ""), [(0o100_666, "a".to_owned())]);
    for kind in [EntryType::Fifo, EntryType::Char, EntryType::Block] {
        let text = malformed(place.extract(&Archive::default().entry(kind, "f", "", b"").gz()));
        assert!(
            text.starts_with("tar file entry f contained unsupported file type"),
            "{text}"
        );
    }
}

#[test]
fn what_is_read_only_is_removed_and_replaced_whole() {
    let place = Place::new();
    let root = Dir::open(&place.work()).unwrap();
    for name in ["mod/cache/f", "mod/g", "script"] {
        write_file(&root, name.as_bytes(), 0o644, &b"old"[..]).unwrap();
        set_read_only(&place.work().join(name), true);
    }
    write_file(&root, b"script", 0o444, &b"new"[..]).unwrap();
    assert_eq!(place.read("script"), "new");
    remove(&place.work(), &["mod", "missing", "missing/deeper"]).unwrap();
    assert!(!exists(&place.work().join("mod")));
    set_read_only(&place.work().join("script"), true);
    // Without POSIX semantics a directory stays as long as somebody has it open.
    drop(root);
    remove(&place.work(), &["."]).unwrap();
    assert!(!exists(&place.work()));
    place.is_unharmed();
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let place = Place::new();
    let root = Dir::open(&place.work()).unwrap();
    write_file(&root, b"d/a.cmd", 0o755, &b"one"[..]).unwrap();
    let broken = std::io::Read::chain(&b"half"[..], Broken);
    malformed(write_file(&root, b"d/a.cmd", 0o755, broken));
    assert_eq!(place.read("d/a.cmd"), "one");
    assert_eq!(
        std::fs::read_dir(place.work().join("d")).unwrap().count(),
        1
    );
    std::fs::create_dir(place.work().join("dir")).unwrap();
    let over_directory = write_file(&root, b"dir", 0o644, &b""[..]);
    assert!(matches!(over_directory, Err(Error::Local { .. })));
    assert_eq!(listed(&place, "").len(), 3);
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}

/// Programs that allow it may have a file open while it is read, replaced and removed.
#[test]
fn files_that_others_have_open_are_no_trouble() {
    let place = Place::new();
    let root = Dir::open(&place.work()).unwrap();
    std::fs::write(place.work().join("log"), "text").unwrap();
    let open = File::options()
        .append(true)
        .open(place.work().join("log"))
        .unwrap();
    let archive = create(&root, Vec::new()).unwrap();
    place.extract(&archive).unwrap();
    assert_eq!(place.read("log"), "text");
    remove(&place.work(), &["log"]).unwrap();
    drop(open);
    assert!(!exists(&place.work().join("log")));
}

#[test]
fn hard_links_reach_only_files_of_the_tree() {
    let place = Place::new();
    for target in ["../precious", "C:/precious", "missing", ".", "NUL"] {
        let text = malformed(place.extract(&Archive::default().hard_link("link", target).gz()));
        assert!(text.contains("no file of the tree"), "{text}");
        assert!(!exists(&place.work().join("link")));
    }
    place.is_unharmed();
}

/// Names that only the system's own calls can make, as a hostile build might.
/// Half a character is a name's unit too.
/// Junctions are what anybody may make.
#[test]
#[ignore = "wants NTFS, which wine has not"]
fn junctions_are_told_packed_removed_and_never_followed() {
    let place = Place::new();
    let beside = tempfile::tempdir().unwrap();
    std::fs::write(beside.path().join("precious"), "").unwrap();
    let made = Command::new("cmd")
        .args(["/c", "mklink", "/J"])
        .arg(place.work().join("link"))
        .arg(beside.path())
        .status();
    assert!(made.unwrap().success());
    assert_eq!(listed(&place, ""), [(0o120_666, "link".to_owned())]);
    let root = Dir::open(&place.work()).unwrap();
    for name in ["link/new", "link/precious"] {
        let text = malformed(place.extract(&Archive::default().file(name, "evil").gz()));
        assert!(
            text.ends_with("the way leads through a symbolic link"),
            "{text}"
        );
        assert!(write_file(&root, name.as_bytes(), 0o644, &b"evil"[..]).is_err());
        assert!(remove(&place.work(), &[name]).is_err());
        assert!(list(&root, name.as_bytes(), &Listing::default(), &mut |_| Ok(())).is_err());
    }
    assert!(root.below(b"link", true).is_err());
    let archive = create(&root, Vec::new()).unwrap();
    let mut reader = tar::Archive::new(flate2::read::GzDecoder::new(&archive[..]));
    let entry = reader.entries().unwrap().next().unwrap().unwrap();
    let target = String::from_utf8(entry.link_name_bytes().unwrap().into()).unwrap();
    assert_eq!(target, beside.path().to_str().unwrap().replace('\\', "/"));
    place
        .extract(&Archive::default().file("link", "in its place").gz())
        .unwrap();
    assert_eq!(place.read("link"), "in its place");
    assert_eq!(std::fs::read_dir(beside.path()).unwrap().count(), 1);
}
