//! From an address to a bucket.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

use crate::object::Place;
use crate::{Bucket, BucketError, folder};

impl Bucket {
    /// Opens the bucket at `url`: `file:///folder` (made if need be), `memory:` (empty, shared by the clones),
    /// `gs://bucket/prefix`, `s3://bucket/prefix`, both with `?endpoint=http://HOST:PORT` for an emulator. No network is touched.
    ///
    /// # Errors
    /// [`BucketError`]: another address, a folder that cannot be made, a kind that is not built in.
    pub fn open(url: &str) -> Result<Self, BucketError> {
        match url.split_once(':') {
            Some(("memory", "")) => {
                let store = Arc::new(InMemory::new());
                Ok(Self::new(url, Place::Versioned(store)))
            }
            Some(("file", rest)) => in_folder(url, folder_of(url, rest)?),
            Some(("gs", _)) => gcs(url),
            Some(("s3", _)) => s3(url),
            _ => Err(BucketError::Url {
                url: url.to_owned(),
                reason: "it is file:///folder, memory:, gs://bucket or s3://bucket".to_owned(),
            }),
        }
    }
}

/// The address of the bucket in the absolute folder `path`, for [`Bucket::open`].
///
/// # Errors
/// When the path is relative.
pub fn folder_url(path: &Path) -> Result<String, BucketError> {
    // What would end or change a URL's path.
    const SPECIAL: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');
    if !path.is_absolute() {
        return Err(BucketError::Url {
            url: path.display().to_string(),
            reason: "the folder of a bucket is an absolute path".to_owned(),
        });
    }
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), SPECIAL);
    Ok(format!("file://{path}"))
}

fn folder_of(url: &str, rest: &str) -> Result<PathBuf, BucketError> {
    let refused = |reason: &str| BucketError::Url {
        url: url.to_owned(),
        reason: reason.to_owned(),
    };
    let path = rest
        .strip_prefix("//")
        .filter(|path| path.starts_with('/'))
        .ok_or_else(|| refused("a folder is written file:///absolute/path"))?;
    if path.contains(['?', '#']) {
        return Err(refused("? and # in a path are written %3F and %23"));
    }
    let path = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| refused("it is not UTF-8"))?;
    Ok(PathBuf::from(path.as_ref()))
}

fn in_folder(url: &str, path: PathBuf) -> Result<Bucket, BucketError> {
    let refused = |error| BucketError::Folder {
        path: path.clone(),
        error,
    };
    folder::make(&path).map_err(refused)?;
    let root = path.canonicalize().map_err(refused)?;
    let open = || {
        LocalFileSystem::new_with_prefix(&root).map_err(|error| BucketError::Url {
            url: url.to_owned(),
            reason: error.to_string(),
        })
    };
    let place = Place::Folder {
        durable: open()?.with_fsync(true),
        quick: open()?,
        directories: folder::Directories::new(root),
    };
    Ok(Bucket::new(url, place))
}

#[cfg(feature = "gcp")]
use crate::cloud::gcs;
#[cfg(feature = "aws")]
use crate::cloud::s3;

#[cfg(not(feature = "gcp"))]
fn gcs(url: &str) -> Result<Bucket, BucketError> {
    Err(BucketError::NotBuiltIn {
        url: url.to_owned(),
        feature: "gcp",
    })
}

#[cfg(not(feature = "aws"))]
fn s3(url: &str) -> Result<Bucket, BucketError> {
    Err(BucketError::NotBuiltIn {
        url: url.to_owned(),
        feature: "aws",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        Bucket::open(url).unwrap_err().to_string()
    }

    #[test]
    fn an_address_that_is_none_says_how_one_looks() {
        assert!(refusal("/srv/farm").contains("file:///folder, memory:"));
        assert!(refusal("file://data").contains("file:///absolute/path"));
        assert!(refusal("file:data").contains("file:///absolute/path"));
        assert!(refusal("file:///a?b").contains("%3F"));
        assert!(refusal("").contains("is not the address"));
    }

    #[cfg(not(feature = "gcp"))]
    #[test]
    fn a_kind_that_is_not_built_in_names_the_feature() {
        assert!(refusal("gs://b").contains("--features gcp"));
    }

    #[cfg(not(feature = "aws"))]
    #[test]
    fn another_that_is_not_built_in_names_its_own() {
        assert!(refusal("s3://b/p").contains("--features aws"));
    }

    #[test]
    fn a_folder_keeps_its_odd_name() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a b%20c#d?é");
        Bucket::open(&folder_url(&odd).unwrap()).unwrap();
        assert!(odd.is_dir());
        assert!(folder_url(Path::new("relative")).is_err());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let text = refusal(&folder_url(&folder.path().join("file/bucket")).unwrap());
        assert!(text.contains("file/bucket"), "{text}");
        assert!(text.contains("choose another data folder"), "{text}");
    }
}
