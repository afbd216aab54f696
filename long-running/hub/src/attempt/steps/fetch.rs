//! An archive that the machine loads itself.

use std::time::Duration;

use farm_wire::client::Client;

use super::paths::inside;
use crate::attempt::{Bad, End};
use crate::text::without_url;

/// For a toolchain over a slow line.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Has the machine load the `.tar.gz` at `url` into the folder. The URL may hold a secret: the reason does not name it.
pub async fn fetch(client: &Client, url: &str, into: &str) -> End {
    let fetched = client.put_tar_from_url(url, inside(into)?, LIMIT).await;
    fetched.map_err(|error| {
        let error = without_url(&error.to_string(), url);
        Bad::Lost(format!("the machine cannot load {into}: {error}"))
    })
}
