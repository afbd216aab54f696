//! A small file on the machine.

use std::io::Cursor;

use farm_wire::client::Client;

use super::paths::inside;
use crate::attempt::{Bad, End};

/// Writes `text` to `path` below the work dir.
pub async fn write(client: &Client, path: &str, text: &str, mode: u32) -> End {
    let content = Cursor::new(text.to_owned().into_bytes());
    let written = client.write(content, inside(path)?, mode).await;
    written.map_err(|error| Bad::Lost(format!("cannot write {path}: {error}")))
}
