//! Files in which test runners say what came of tests, as Maven and pytest write them.

use std::io::Read;

use farm_model::message::work::StepSpec;
use farm_testlog::Reader;
use farm_wire::client::{Client, ListOptions, TransportError};
use flate2::read::MultiGzDecoder;
use tar::Archive;
use tokio::task::spawn_blocking;

use super::paths::{inside, joined};
use crate::attempt::{Attempt, Bad};

/// Of a folder's archive, in bytes: reports are small, and lie in a folder of their own.
const MOST: usize = 32 << 20;

/// Of all reports of a group, unpacked, in bytes.
const MOST_UNPACKED: u64 = 128 << 20;

/// Files that are removed at once.
const AT_ONCE: usize = 200;

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
        let old = listed(&client, &place)
            .await
            .map_err(|error| unread(&error.to_string()))?;
        let old: Vec<&str> = old.iter().map(String::as_str).collect();
        for some in old.chunks(AT_ONCE) {
            let removed = client.remove_all(some).await;
            removed.map_err(|error| unread(&error.to_string()))?;
        }
        Ok(())
    }

    /// Has `reader` read what there is.
    pub(super) async fn read_reports(
        &self,
        command: &StepSpec,
        pattern: &str,
        reader: &mut Reader,
    ) -> Result<(), Bad> {
        let place = place(command, pattern)?;
        let client = self.machine.client();
        let found = listed(&client, &place)
            .await
            .map_err(|error| unread(&error.to_string()))?;
        if found.is_empty() {
            return Ok(());
        }
        let archive = fetched(&client, &place.folder).await?;
        let files = spawn_blocking(move || unpacked(&archive, &place, MOST_UNPACKED)).await;
        for file in files.map_err(|error| unread(&error.to_string()))?? {
            reader.next_document();
            reader.push(&file);
        }
        Ok(())
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
async fn listed(client: &Client, place: &Place) -> Result<Vec<String>, TransportError> {
    let mut listing = match client
        .list_dir(&place.folder, &ListOptions::default())
        .await
    {
        Ok(listing) => listing,
        Err(TransportError::Status { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    while let Some(entry) = listing.next().await? {
        if let Ok(name) = std::str::from_utf8(entry.name())
            && fits(name, &place.file)
        {
            files.push(joined(&[&place.folder, name]));
        }
    }
    Ok(files)
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

/// The files of the archive that fit; the code's fault if it has more than `most` bytes. Blocks.
fn unpacked(archive: &[u8], place: &Place, most: u64) -> Result<Vec<Vec<u8>>, Bad> {
    let mut archive = Archive::new(MultiGzDecoder::new(archive).take(most));
    let files = fitting(&mut archive, &place.file);
    if archive.into_inner().limit() == 0 {
        return Err(too_large(&place.folder));
    }
    files.map_err(|error| unread(&error.to_string()))
}

fn fitting(archive: &mut Archive<impl Read>, pattern: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path_bytes();
        let path = String::from_utf8_lossy(&path);
        let name = path.trim_start_matches("./");
        if entry.header().entry_type().is_file() && fits(name, pattern) {
            let mut file = Vec::new();
            entry.read_to_end(&mut file)?;
            files.push(file);
        }
    }
    Ok(files)
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

    use super::*;

    #[test]
    fn an_archive_that_grows_too_large_is_the_codes_fault() {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(100_000);
        header.set_cksum();
        tar.append_data(&mut header, "a.xml", &[b' '; 100_000][..])
            .unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        let archive = gz.finish().unwrap();
        let place = Place {
            folder: "reports".to_owned(),
            file: "*.xml".to_owned(),
        };
        let all = unpacked(&archive, &place, 1 << 20).unwrap();
        assert_eq!(all[0].len(), 100_000);
        let bad = unpacked(&archive, &place, 50_000).unwrap_err();
        assert!(matches!(bad, Bad::Failed(_)), "{bad:?}");
        let cut = unpacked(&archive[..archive.len() / 2], &place, 1 << 20).unwrap_err();
        assert!(matches!(cut, Bad::Lost(_)), "{cut:?}");
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
