//! What lies in a folder at the start.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Body;
use super::folder::{BEGUN, Folder, OpenError};
use super::trailer::{self, Record};
use crate::meta::Meta;
use crate::names::{BucketName, Place};
use crate::store::upload::{Begun, Part, UploadId};

/// Everything there is.
#[derive(Debug, Default)]
pub struct Found {
    /// Buckets that were made; each that has an object is among them.
    pub buckets: Vec<BucketName>,
    /// The newest generation of each object.
    pub objects: Vec<(Place, Meta, Body)>,
    /// Uploads that last.
    pub uploads: Vec<(UploadId, Begun, BTreeMap<u32, Part>)>,
}

/// Reads the folder; older generations, and what is left of uploads that have ended, are removed.
pub fn read(folder: &Folder) -> Result<Found, OpenError> {
    let unusable = |source| OpenError::Unusable {
        folder: folder.root().to_owned(),
        source,
    };
    let mut found = Found::default();
    for path in within(&folder.root().join("buckets")).map_err(unusable)? {
        found.buckets.extend(BucketName::new(&name(&path)));
    }
    for shard in within(&folder.objects()).map_err(unusable)? {
        let files = within(&shard).map_err(unusable)?;
        found.objects.extend(objects(files)?);
    }
    for upload in within(&folder.uploads()).map_err(unusable)? {
        match upload.join(BEGUN).exists() {
            true => found.uploads.push(read_upload(&upload)?),
            false => fs::remove_dir_all(&upload).map_err(unusable)?,
        }
    }
    Ok(found)
}

/// The newest of each name; a kill between two steps of a write leaves an older one beside it.
fn objects(files: Vec<PathBuf>) -> Result<Vec<(Place, Meta, Body)>, OpenError> {
    let mut newest: BTreeMap<(BucketName, String), (Place, Meta, PathBuf)> = BTreeMap::new();
    for file in files {
        let Record::Object { place, meta } = read_record(&file)? else {
            return Err(unreadable(&file, "is a part of an upload among objects"));
        };
        let key = (place.bucket.clone(), place.name.clone());
        let older = match newest.get(&key) {
            Some((_, known, _)) if known.generation > meta.generation => Some(file),
            _ => newest
                .insert(key, (place, meta, file))
                .map(|(.., file)| file),
        };
        if let Some(older) = older {
            fs::remove_file(&older).map_err(|error| unreadable(&older, &error.to_string()))?;
        }
    }
    let found = newest.into_values();
    Ok(found
        .map(|(place, meta, file)| (place, meta, Body::File(file)))
        .collect())
}

fn read_upload(folder: &Path) -> Result<(UploadId, Begun, BTreeMap<u32, Part>), OpenError> {
    let id = UploadId::from(name(folder));
    let file = folder.join(BEGUN);
    let begun = fs::read(&file).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    let begun = begun.map_err(|error: io::Error| unreadable(&file, &error.to_string()))?;
    let mut parts = BTreeMap::new();
    for file in within(folder).map_err(|error| unreadable(folder, &error.to_string()))? {
        if let Ok(number) = name(&file).parse() {
            parts.insert(number, read_part(file)?);
        }
    }
    Ok((id, begun, parts))
}

fn read_part(file: PathBuf) -> Result<Part, OpenError> {
    match read_record(&file)? {
        Record::Part {
            size,
            digest,
            modified,
        } => Ok(Part {
            size,
            digest,
            modified,
            body: Body::File(file),
        }),
        Record::Object { .. } => Err(unreadable(&file, "is an object among parts of an upload")),
    }
}

fn read_record(file: &Path) -> Result<Record, OpenError> {
    trailer::read(file).map_err(|error| unreadable(file, &error.to_string()))
}

fn unreadable(file: &Path, what: &str) -> OpenError {
    OpenError::Unreadable {
        file: file.to_owned(),
        what: what.to_owned(),
    }
}

fn within(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
