//! What is fuzzed: bytes from the other side, into what reads them. None may panic, hang, or write outside the tree.

use std::io::Write;
use std::time::SystemTime;

use farm_archive::{Dir, Limits, extract};

/// Lines of a control connection.
pub fn revdial_line(data: &[u8]) {
    farm_wire::revdial::fuzz::fuzz_line(data);
}

/// Frames of reverse dialing version 1.
pub fn v1_frames(data: &[u8]) {
    farm_wire::revdial::fuzz::fuzz_v1_frames(data);
}

/// A tar archive, unpacked into a folder beside one that nothing may touch.
pub fn untar(data: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    for dir in [&inside, &outside] {
        std::fs::create_dir(dir).expect("a folder");
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(data).expect("memory");
    let archive = gzip.finish().expect("memory");
    let into = Dir::open(&inside).expect("it is there");
    let limits = Limits {
        bytes: 1 << 20,
        ..Limits::default()
    };
    let _any_end = extract(&archive[..], &into, &limits, SystemTime::UNIX_EPOCH);
    let names = |dir| std::fs::read_dir(dir).expect("it is there").count();
    assert_eq!(
        (names(folder.path()), names(&outside)),
        (2, 0),
        "written outside"
    );
}

/// Parameters of `/exec`: a line with the content type, a line with the query, and the body.
pub fn exec_form(data: &[u8]) {
    let mut parts = data.splitn(3, |&byte| byte == b'\n');
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (content_type, query) = (text(), text());
    let _any_number =
        buildlet::fuzz::exec_form(&query, &content_type, parts.next().unwrap_or_default());
}

/// A request to the buildlet, head and body.
pub fn request(data: &[u8]) {
    let _any_end = buildlet::fuzz::request(data);
}
