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
        let files = spawn_blocking(move || unpacked(&archive, &place.file)).await;
        let files = files.map_err(std::io::Error::other).and_then(|files| files);
        let files = files.map_err(|error| unread(&error.to_string()))?;
        files.iter().for_each(|file| reader.push(file));
        Ok(())
    }
}

fn unread(why: &str) -> Bad {
    Bad::Lost(format!("reports of tests cannot be read: {why}"))
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
            let text = format!(
                "reports of tests must lie in a folder of their own: {folder} is too large"
            );
            return Err(Bad::Failed(text));
        }
    }
    Ok(bytes)
}

/// The files of the archive that fit. Blocks.
fn unpacked(archive: &[u8], pattern: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let mut archive = Archive::new(MultiGzDecoder::new(archive).take(MOST_UNPACKED));
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
    use super::*;

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
