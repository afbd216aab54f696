//! Read models, written by one coordinator and read by functions.

use bytes::Bytes;
use object_store::{Error, GetOptions, ObjectMeta, PutMode, UpdateVersion};

use crate::key::Key;
use crate::object::Wait;
use crate::{Bucket, BucketError};

/// The largest view that is read.
const LARGEST: u64 = 64 << 20;

/// A read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The document.
    pub bytes: Bytes,
    /// What it is now; another after each write. Opaque.
    pub version: Option<String>,
}

/// What there is to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadView {
    /// None under this key.
    Missing,
    /// Still the version that the reader knows.
    Same,
    /// Another one.
    New(View),
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutView {
    /// It is there, under this version. None where the store has no versions to expect.
    Written(Option<String>),
    /// Another writer came first; nothing was written.
    Changed,
}

impl Bucket {
    /// The view under `key` (without `views/`), if there is one.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_view(&self, key: &str) -> Result<Option<View>, BucketError> {
        match self.get_view_unless(key, None).await? {
            ReadView::New(view) => Ok(Some(view)),
            ReadView::Missing | ReadView::Same => Ok(None),
        }
    }

    /// The same for a reader that may know it already: cheap where nothing has changed.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn get_view_unless(
        &self,
        key: &str,
        known: Option<&str>,
    ) -> Result<ReadView, BucketError> {
        let key = view_key(key)?;
        let options = GetOptions {
            if_none_match: known.and_then(|known| version(known).e_tag),
            ..GetOptions::default()
        };
        let found = match self.store(Wait::No).get_opts(key.path(), options).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(ReadView::Missing),
            Err(Error::NotModified { .. }) => return Ok(ReadView::Same),
            Err(error) => return Err(self.failed("read", &key, error)),
        };
        let ObjectMeta { e_tag, version, .. } = found.meta.clone();
        let bytes = self.read(&key, found, LARGEST).await?;
        let version = text(UpdateVersion { e_tag, version });
        Ok(ReadView::New(View { bytes, version }))
    }

    /// Whether there is a view under `key`.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn has_view(&self, key: &str) -> Result<bool, BucketError> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        Ok(self.get_with(&view_key(key)?, options).await?.is_some())
    }

    /// Writes the view under `key`: whatever is there, or only over the version `expected`. A folder ignores `expected`;
    /// see [`Bucket::lock_folder`].
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn put_view(
        &self,
        key: &str,
        bytes: Bytes,
        expected: Option<&str>,
    ) -> Result<PutView, BucketError> {
        let key = view_key(key)?;
        let mode = match expected.filter(|_| self.has_versions()) {
            Some(expected) => PutMode::Update(version(expected)),
            None => PutMode::Overwrite,
        };
        let conditional = matches!(mode, PutMode::Update(_));
        match self.put(&key, bytes, mode).await {
            Ok(result) if self.has_versions() => Ok(PutView::Written(text(result.into()))),
            Ok(_) => Ok(PutView::Written(None)),
            Err(Error::Precondition { .. }) => Ok(PutView::Changed),
            // Somebody removed what was expected.
            Err(Error::NotFound { .. }) if conditional => Ok(PutView::Changed),
            Err(error) => Err(self.failed("write", &key, error)),
        }
    }

    /// Writes the view under `key` where there is none. A folder answers [`PutView::Changed`] too if there is one.
    ///
    /// # Errors
    /// [`BucketError`].
    pub async fn create_view(&self, key: &str, bytes: Bytes) -> Result<PutView, BucketError> {
        let key = view_key(key)?;
        match self.put(&key, bytes, PutMode::Create).await {
            Ok(result) if self.has_versions() => Ok(PutView::Written(text(result.into()))),
            Ok(_) => Ok(PutView::Written(None)),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(PutView::Changed),
            Err(error) => Err(self.failed("write", &key, error)),
        }
    }
}

fn view_key(key: &str) -> Result<Key, BucketError> {
    Key::new(&format!("views/{key}"))
}

/// S3 goes by the tag, GCS by the generation, which is a number: a text holds both.
pub(crate) fn text(version: UpdateVersion) -> Option<String> {
    let UpdateVersion { e_tag, version } = version;
    if e_tag.is_none() && version.is_none() {
        return None;
    }
    let (e_tag, version) = (e_tag.unwrap_or_default(), version.unwrap_or_default());
    Some(format!("{version} {e_tag}"))
}

pub(crate) fn version(text: &str) -> UpdateVersion {
    let (version, e_tag) = text.split_once(' ').unwrap_or(("", text));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    UpdateVersion {
        e_tag: some(e_tag),
        version: some(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_survives_its_text() {
        let both = |e_tag: Option<&str>, version: Option<&str>| UpdateVersion {
            e_tag: e_tag.map(str::to_owned),
            version: version.map(str::to_owned),
        };
        for given in [
            both(Some("\"a b\""), None),
            both(None, Some("123")),
            both(Some("\"x\""), Some("9")),
        ] {
            assert_eq!(version(&text(given.clone()).unwrap()), given);
        }
        assert_eq!(text(both(None, None)), None);
    }
}
