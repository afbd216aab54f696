//! Files in which test runners say what came of tests, as Maven and pytest write them.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use farm_model::message::work::StepSpec;
use farm_testlog::Reader;
use farm_wire::client::{Client, ListOptions, TransportError};
use flate2::read::MultiGzDecoder;
use tar::Archive;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::paths::{inside, joined};
use crate::attempt::{Attempt, Bad};

/// Of a folder's archive, in bytes: reports are small, and lie in a folder of their own.
const MOST: usize = 32 << 20;

/// Of all reports of a group, unpacked, in bytes.
const MOST_UNPACKED: u64 = 128 << 20;

/// Files of a group, and the bytes of their names.
const MOST_FILES: usize = 10_000;
const MOST_NAMES: usize = 2 << 20;

/// Files that are removed at once.
const AT_ONCE: usize = 200;

/// Attempts whose reports are read at once: each has a folder's archive in memory.
pub const READ_AT_ONCE: usize = 8;

/// For a folder to be fetched: others may wait for its place.
const FETCH: Duration = Duration::from_secs(5 * 60);

/// Of a file that is looked at in one go, in bytes.
const PIECE: usize = 64 << 10;

/// Where reports lie.
struct Place {
    /// Below the work dir.
    folder: String,
    /// What files there are called, `*` for anything.
    file: String,
}

impl Attempt {
    /// Removes what an earlier group has left: it would count again.
    pub(super) async fn remove_reports(
        &self,
        command: &StepSpec,
        pattern: &str,
    ) -> Result<(), Bad> {
        let place = place(command, pattern)?;
        let client = self.machine.client();
        let old = listed(&client, &place).await?;
        let old: Vec<&str> = old.iter().map(String::as_str).collect();
        for some in old.chunks(AT_ONCE) {
            let removed = client.remove_all(some).await;
            removed.map_err(|error| unread(&error.to_string()))?;
        }
        Ok(())
    }

    /// The same reader, once it has read what there is.
    pub(super) async fn read_reports(
        &self,
        command: &StepSpec,
        pattern: &str,
        reader: Reader,
    ) -> Result<Reader, Bad> {
        let place = place(command, pattern)?;
        let client = self.machine.client();
        if listed(&client, &place).await?.is_empty() {
            return Ok(reader);
        }
        let reports = Arc::clone(&self.tools.reports);
        let held = reports.acquire_owned().await;
        let held = held.map_err(|error| unread(&error.to_string()))?;
        let archive = timeout(FETCH, fetched(&client, &place.folder)).await;
        let archive = archive.map_err(|_| unread("they did not come in time"))??;
        let read = spawn_blocking(move || {
            // If the attempt is broken off, the archive stays until it is read: so does its place.
            let _held = held;
            read(&archive, &place, MOST_UNPACKED, reader)
        });
        read.await.map_err(|error| unread(&error.to_string()))?
    }
}

fn unread(why: &str) -> Bad {
    Bad::Lost(format!("reports of tests cannot be read: {why}"))
}

fn too_large(folder: &str) -> Bad {
    Bad::Failed(format!(
        "reports of tests must lie in a folder of their own: {folder} is too large"
    ))
}

/// `target/reports/*.xml`: a folder, and a pattern of files in it.
fn place(command: &StepSpec, pattern: &str) -> Result<Place, Bad> {
    let (folder, file) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let folder = joined(&[&command.root, &command.dir, folder]);
    if folder.contains('*') {
        let text = format!("reports must lie in one folder, not in {folder}");
        return Err(Bad::Failed(text));
    }
    Ok(Place {
        folder: inside(&folder)?.to_owned(),
        file: file.to_owned(),
    })
}

/// Files that fit, below the work dir; none where there is no such folder.
async fn listed(client: &Client, place: &Place) -> Result<Vec<String>, Bad> {
    let unread = |error: TransportError| unread(&error.to_string());
    let options = ListOptions::default();
    let mut listing = match client.list_dir(&place.folder, &options).await {
        Ok(listing) => listing,
        Err(TransportError::Status { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(unread(error)),
    };
    let mut files = Files::default();
    while let Some(entry) = listing.next().await.map_err(unread)? {
        files.note(entry.name(), place)?;
    }
    Ok(files.names)
}

/// What a listing has shown so far.
#[derive(Default)]
struct Files {
    names: Vec<String>,
    size: usize,
}

impl Files {
    /// One more file; the code's fault if there are too many.
    fn note(&mut self, name: &[u8], place: &Place) -> Result<(), Bad> {
        let name = std::str::from_utf8(name).ok();
        let Some(name) = name.filter(|name| fits(name, &place.file)) else {
            return Ok(());
        };
        let name = joined(&[&place.folder, name]);
        self.size += name.len();
        if self.names.len() >= MOST_FILES || self.size > MOST_NAMES {
            let folder = &place.folder;
            let many = format!("there are more than {MOST_FILES} reports of tests in {folder}");
            return Err(Bad::Failed(many));
        }
        self.names.push(name);
        Ok(())
    }
}

async fn fetched(client: &Client, folder: &str) -> Result<Vec<u8>, Bad> {
    let archive = client.get_tar(folder).await;
    let mut archive = archive.map_err(|error| unread(&error.to_string()))?;
    let mut bytes = Vec::new();
    while let Some(piece) = archive
        .next()
        .await
        .map_err(|error| unread(&error.to_string()))?
    {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST {
            return Err(too_large(folder));
        }
    }
    Ok(bytes)
}

/// Has `reader` read the files of the archive that fit; the code's fault if it has more than `most` bytes. Blocks.
fn read(archive: &[u8], place: &Place, most: u64, mut reader: Reader) -> Result<Reader, Bad> {
    let mut archive = Archive::new(MultiGzDecoder::new(archive).take(most));
    let read = fitting(&mut archive, &place.file, &mut reader);
    if archive.into_inner().limit() == 0 {
        return Err(too_large(&place.folder));
    }
    match read {
        Ok(()) => Ok(reader),
        Err(error) => Err(unread(&error.to_string())),
    }
}

/// Piece by piece: no file is held as a whole.
fn fitting(
    archive: &mut Archive<impl Read>,
    pattern: &str,
    reader: &mut Reader,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path_bytes();
        let path = String::from_utf8_lossy(&path);
        let name = path.trim_start_matches("./");
        if !entry.header().entry_type().is_file() || !fits(name, pattern) {
            continue;
        }
        reader.next_document();
        loop {
            match entry.read(&mut piece)? {
                0 => break,
                length => reader.push(&piece[..length]),
            }
        }
    }
    Ok(())
}

/// `TEST-*.xml`; names in other folders do not fit.
fn fits(name: &str, pattern: &str) -> bool {
    if name.contains('/') {
        return false;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use farm_model::message::work::TestFormat;
    use farm_testlog::{Ended, Limits};

    use super::*;
    use crate::attempt::tests::{attempt, client};

    fn place() -> Place {
        Place {
            folder: "reports".to_owned(),
            file: "*.xml".to_owned(),
        }
    }

    fn reader() -> Reader {
        Reader::new(TestFormat::Junit, Limits::default())
    }

    #[test]
    fn an_archive_that_grows_too_large_is_the_codes_fault() {
        let mut xml = b"<testsuite><testcase classname='a' name='b'/></testsuite>".to_vec();
        xml.resize(100_000, b' ');
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(100_000);
        header.set_cksum();
        tar.append_data(&mut header, "a.xml", &xml[..]).unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        let archive = gz.finish().unwrap();
        let all = read(&archive, &place(), 1 << 20, reader());
        let found = all.map(|reader| reader.finish(Ended::Well)).unwrap();
        assert_eq!(found.tests[0].name, "b");
        let bad = |archive: &[u8], most| match read(archive, &place(), most, reader()) {
            Ok(_) => panic!("it was read"),
            Err(bad) => bad,
        };
        let large = bad(&archive, 50_000);
        assert!(matches!(large, Bad::Failed(_)), "{large:?}");
        let cut = bad(&archive[..archive.len() / 2], 1 << 20);
        assert!(matches!(cut, Bad::Lost(_)), "{cut:?}");
    }

    #[test]
    fn reports_are_bounded_in_number_and_in_what_they_are_called() {
        let mut files = Files::default();
        for number in 0..MOST_FILES {
            files
                .note(format!("{number}.xml").as_bytes(), &place())
                .unwrap();
            files.note(b"other.txt", &place()).unwrap();
        }
        let bad = files.note(b"one.xml", &place()).unwrap_err();
        assert!(matches!(bad, Bad::Failed(_)), "{bad:?}");
        let mut files = Files::default();
        let long = format!("{}.xml", "x".repeat(60_000));
        let noted = (0..100).try_for_each(|_| files.note(long.as_bytes(), &place()));
        assert!(matches!(noted, Err(Bad::Failed(_))), "{noted:?}");
    }

    const LISTING: &str = "HTTP/1.1 200 OK\r\nContent-Length: 28\r\nConnection: close\r\n\r\n-rw-r--r--\ta.xml\t1\t2026-01-\n";

    #[tokio::test(start_paused = true)]
    async fn an_attempt_waits_until_there_is_memory_for_its_reports() {
        let (client, _machine) = client(|path, _| path.starts_with("/ls").then_some(LISTING));
        let (attempt, _session) = attempt(&client);
        let reports = Arc::clone(&attempt.tools.reports);
        let many = u32::try_from(READ_AT_ONCE).unwrap();
        let others = reports.try_acquire_many_owned(many).unwrap();
        let command = serde_json::json!({ "name": "test", "argv": ["true"], "timeout_seconds": 1 });
        let command: StepSpec = serde_json::from_value(command).unwrap();
        let read = attempt.read_reports(&command, "reports/*.xml", reader());
        let mut read = std::pin::pin!(read);
        assert!(timeout(10 * FETCH, &mut read).await.is_err(), "it reads");
        drop(others);
        // From a machine that does not answer.
        let end = timeout(2 * FETCH, read).await.unwrap();
        assert!(matches!(end, Err(Bad::Lost(_))));
    }

    #[test]
    fn patterns_have_stars() {
        for (name, pattern) in [
            ("a.xml", "a.xml"),
            ("TEST-x.xml", "TEST-*.xml"),
            ("abc", "*b*"),
            ("x", "*"),
        ] {
            assert!(fits(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [
            ("a.xml", "b.xml"),
            ("a.xmlx", "*.xml"),
            ("d/a.xml", "*.xml"),
            ("aa", "a"),
            ("a", "a*a"),
        ] {
            assert!(!fits(name, pattern), "{name} {pattern}");
        }
    }
}
