use std::io::Read;

use super::*;
use crate::blocks::Blocks;

const GIB: u64 = 1 << 30;

/// A header that says so much content follows.
fn header(size: u64, pax: bool) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_path("big").unwrap();
    header.set_mode(0o644);
    header.set_size(if pax { 0 } else { size });
    header.set_cksum();
    let record = format!("{} size={size}\n", 9 + size.to_string().len());
    let extension = if pax { record.as_str() } else { "" };
    let mut archive = Archive::default();
    if pax {
        archive = archive.entry(EntryType::XHeader, "x", "", extension.as_bytes());
    }
    archive.0.extend_from_slice(header.as_bytes());
    archive.0
}

#[test]
fn sizes_beyond_four_and_eight_gibibytes_are_read() {
    for size in [4 * GIB - 1, 4 * GIB, 8 * GIB - 1, 8 * GIB, 1000 * GIB + 1] {
        for pax in [false, true] {
            let bytes = header(size, pax);
            let mut blocks = Blocks::new(&bytes[..]);
            let entry = blocks.next().unwrap().unwrap();
            assert_eq!((entry.size, blocks.left()), (size, size), "pax: {pax}");
        }
    }
}

#[test]
fn a_member_behind_a_large_one_is_found() {
    // A mebibyte and a half, not block aligned, behind which the next header stands.
    let size = 3 * 512 * 1024 + 7;
    let padding = 512 - 7;
    let first = header(size, false);
    let second = Archive::default().file("next", "x").0;
    let content = std::io::repeat(7).take(size + padding);
    let mut blocks = Blocks::new(first.chain(content).chain(&second[..]));
    assert_eq!(blocks.next().unwrap().unwrap().name, b"big");
    assert_eq!(blocks.next().unwrap().unwrap().name, b"next");
}

/// The archive of one file without its content: what `create` writes first.
fn first_header(size: u64) -> Header {
    let place = Place::new();
    let file = std::fs::File::create(place.work().join("big")).unwrap();
    file.set_len(size).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    // Stops the packing once there is enough.
    struct Enough(std::sync::mpsc::Sender<Vec<u8>>, usize);
    impl Write for Enough {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.1 += data.len();
            self.0.send(data.to_vec()).map_err(std::io::Error::other)?;
            if self.1 > 16 {
                return Err(std::io::Error::other("enough"));
            }
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert!(create(&Dir::open(&place.work()).unwrap(), Enough(sender, 0)).is_err());
    let start: Vec<u8> = receiver.into_iter().flatten().collect();
    let mut header = Header::new_gnu();
    flate2::read::GzDecoder::new(&start[..])
        .read_exact(header.as_mut_bytes())
        .unwrap();
    header
}

#[test]
fn sizes_beyond_four_and_eight_gibibytes_are_written() {
    for size in [4 * GIB - 1, 4 * GIB, 8 * GIB - 1, 8 * GIB, 1000 * GIB + 1] {
        assert_eq!(first_header(size).entry_size().unwrap(), size);
    }
}

#[test]
#[ignore = "writes and reads more than eight gibibytes of holes: some minutes"]
fn a_file_of_more_than_eight_gibibytes_makes_the_round_trip() {
    let size = 8 * GIB + 4097;
    let from = Place::new();
    std::fs::File::create(from.work().join("big"))
        .unwrap()
        .set_len(size)
        .unwrap();
    let archive = create_members(&Dir::open(&from.work()).unwrap(), Vec::new()).unwrap();
    let mut blocks = Blocks::new(flate2::read::MultiGzDecoder::new(&archive[..]));
    assert_eq!(blocks.next().unwrap().unwrap().size, size);
    assert_eq!(
        std::io::copy(&mut blocks, &mut std::io::sink()).unwrap(),
        size
    );
    assert!(blocks.next().unwrap().is_none());
}

#[test]
fn many_members_make_the_round_trip_whatever_their_borders_cut() {
    let from = Place::new();
    let content: Vec<u8> = (0..900_000_u32)
        .flat_map(|n| (n / 3).to_le_bytes())
        .collect();
    for number in 0..700 {
        let name = format!("d{}/e/f{number}", number % 7);
        std::fs::create_dir_all(from.work().join(&name).parent().unwrap()).unwrap();
        std::fs::write(from.work().join(name), &content[..number * 13]).unwrap();
    }
    std::fs::write(from.work().join("big"), &content).unwrap();
    let dir = Dir::open(&from.work()).unwrap();
    let (one, many) = (
        create(&dir, Vec::new()).unwrap(),
        create_members(&dir, Vec::new()).unwrap(),
    );
    let unzipped = |archive: &[u8]| {
        let mut tar = Vec::new();
        flate2::read::MultiGzDecoder::new(archive)
            .read_to_end(&mut tar)
            .unwrap();
        tar
    };
    assert!(unzipped(&one) == unzipped(&many));
    let to = Place::new();
    assert_eq!(to.extract(&many).unwrap().entries, 715);
    assert!(std::fs::read(to.work().join("big")).unwrap() == content);
    for number in [0, 1, 350, 699] {
        let name = format!("d{}/e/f{number}", number % 7);
        assert!(std::fs::read(to.work().join(name)).unwrap() == content[..number * 13]);
    }
}

#[test]
fn a_cut_archive_leaves_whole_files_alone() {
    let place = Place::new();
    let content = "content".repeat(100_000);
    let tar = Archive::default()
        .file("whole", "x")
        .file("cut", &content)
        .0;
    let text = malformed(place.extract(&gz(&tar[..tar.len() - 100_000])));
    assert_eq!(text, "tar error: unexpected EOF");
    assert_eq!(place.read("whole"), "x");
    assert!(
        !exists(&place.work().join("cut")),
        "half a file would look like a whole one"
    );
}

#[test]
fn sparse_files_are_refused_clearly_in_all_their_forms() {
    let place = Place::new();
    let old = Archive::default()
        .file("kept", "x")
        .entry(EntryType::GNUSparse, "holes", "", b"");
    let text = malformed(place.extract(&old.gz()));
    assert_eq!(text, "tar error: sparse files are not supported: \"holes\"");
    assert_eq!(place.read("kept"), "x");
    for record in ["22 GNU.sparse.major=1\n", "24 GNU.sparse.size=1000\n"] {
        let pax = Archive::default()
            .entry(EntryType::XHeader, "x", "", record.as_bytes())
            .file("holes", "data");
        let text = malformed(place.extract(&pax.gz()));
        assert_eq!(text, "tar error: sparse files are not supported");
    }
    assert!(!exists(&place.work().join("holes")));
}

#[test]
fn the_first_of_two_faults_is_told() {
    let place = Place::new();
    std::fs::create_dir(place.work().join("taken")).unwrap();
    let mut tar = Archive::default().file("a", "x").file("taken", "y").0;
    tar.extend([7; 512]);
    assert!(matches!(place.extract(&gz(&tar)), Err(Error::Local { .. })));
    assert_eq!(place.read("a"), "x");
}
