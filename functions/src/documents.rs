//! Views for functions that look one up now and then; the pages have a cache of theirs.

use farm_bucket::Bucket;
use serde::de::DeserializeOwned;

/// Documents below `views/`.
#[derive(Clone)]
pub(crate) struct Documents(Bucket);

impl Documents {
    pub(crate) fn new(bucket: Bucket) -> Self {
        Self(bucket)
    }

    /// The document under `key`, if there is one; or else why it cannot be read, for the log.
    pub(crate) async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, String> {
        let view = self.0.get_view(key).await;
        let Some(view) = view.map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let parsed = serde_json::from_slice(&view.bytes);
        parsed
            .map(Some)
            .map_err(|error| format!("views/{key} cannot be read: {error}"))
    }
}
