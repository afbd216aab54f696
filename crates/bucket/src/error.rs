//! What can go wrong with a bucket, sorted by what there is to do.

use std::error::Error;
use std::io;
use std::path::PathBuf;

/// Why the bucket did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The address is not one of a bucket.
    #[error("{url:?} is not the address of a bucket: {reason}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong, and how it should look.
        reason: String,
    },
    /// This binary was built without that kind of store.
    #[error(
        "{url} needs a binary that was built with `--features {feature}`; this one keeps buckets in file:///folder only"
    )]
    NotBuiltIn {
        /// As given.
        url: String,
        /// The cargo feature.
        feature: &'static str,
    },
    /// The folder of a `file://` bucket is not there and cannot be made.
    #[error("cannot make the folder {} for the farm's bucket: {error}; make it, or choose another data folder", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process holds the folder.
    #[error("another coordinator works on {}; stop it first", path.display())]
    Held {
        /// The lock's file.
        path: PathBuf,
    },
    /// A name that no object may have.
    #[error("{key:?} cannot be the key of an object: {rule}")]
    Key {
        /// The key, cut to 200 characters.
        key: String,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// Larger than the caller is ready to hold.
    #[error("{key} has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// The object; for one that is being written, what it is.
        key: String,
        /// How large it is, or was when it passed the limit.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// More objects than the caller is ready to hold.
    #[error("there are more than {limit} objects below {prefix}")]
    TooMany {
        /// Where.
        prefix: String,
        /// The limit.
        limit: usize,
    },
    /// Content that is not what it was said to be.
    #[error("the content has the SHA-256 {found}, not {expected}; nothing was stored")]
    Digest {
        /// As said.
        expected: String,
        /// As found.
        found: String,
    },
    /// Content that does not read: headers or a stored object of another form.
    #[error("{key} is damaged: {reason}")]
    Damaged {
        /// The object.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The stream to be stored broke off.
    #[error("what was to be stored broke off: {0}; nothing was stored")]
    Source(io::Error),
    /// The store does not do it.
    #[error("cannot {what} {key} in {bucket}: {}{}", roots(error.as_ref()), hint(error.as_ref()))]
    Store {
        /// The bucket's address.
        bucket: String,
        /// `read`, `write`, `list`.
        what: &'static str,
        /// The object, or the prefix.
        key: String,
        /// The store's words.
        error: Box<dyn Error + Send + Sync>,
    },
}

impl BucketError {
    /// Whether the same call may succeed later with nobody changing a setting.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Store { error, .. } => {
                !matches!(kind(error.as_ref()), Some(io::ErrorKind::PermissionDenied))
            }
            Self::Source(_) | Self::Held { .. } => true,
            _ => false,
        }
    }
}

/// The error's own words and its deepest cause's, where they do not say the same.
fn roots(error: &(dyn Error + 'static)) -> String {
    let (top, root) = (error.to_string(), last(error).to_string());
    if top.contains(&root) {
        top
    } else {
        format!("{top}: {root}")
    }
}

fn last<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    causes(error).last().unwrap_or(error)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        (*error).source()
    })
}

fn kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    causes(error).find_map(|cause| cause.downcast_ref::<io::Error>().map(io::Error::kind))
}

fn hint(error: &(dyn Error + 'static)) -> &'static str {
    use io::ErrorKind::{
        AlreadyExists, NotADirectory, PermissionDenied, ReadOnlyFilesystem, StorageFull,
    };
    match kind(error) {
        Some(PermissionDenied) => {
            "; the folder and all in it must belong to the user that runs this process"
        }
        Some(ReadOnlyFilesystem) => "; choose a data folder on a disk that can be written",
        Some(AlreadyExists | NotADirectory) => {
            "; something else lies where the bucket needs a folder: move it away"
        }
        Some(StorageFull) => "; free some space",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: io::ErrorKind) -> BucketError {
        let cause = io::Error::from(kind);
        let path = "/srv/farm/views/x#1".into();
        // As object_store wraps it.
        let error = object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(object_store::Error::NotFound {
                path,
                source: Box::new(cause),
            }),
        };
        BucketError::Store {
            bucket: "file:///srv/farm".to_owned(),
            what: "write",
            key: "views/x".to_owned(),
            error: Box::new(error),
        }
    }

    #[test]
    fn a_full_or_foreign_folder_says_what_to_do() {
        let full = failed(io::ErrorKind::StorageFull);
        assert!(full.may_pass());
        let text = full.to_string();
        assert!(
            text.starts_with("cannot write views/x in file:///srv/farm: "),
            "{text}"
        );
        assert!(
            text.ends_with("no storage space; free some space"),
            "{text}"
        );
        let foreign = failed(io::ErrorKind::PermissionDenied);
        assert!(!foreign.may_pass());
        assert!(foreign.to_string().contains("must belong to the user"));
    }
}
