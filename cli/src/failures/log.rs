//! A log, whole, as far as it can be held.

use anyhow::{Context, bail};

use super::Failed;
use crate::server::Server;

/// Of a log that is searched, in bytes: what is longer is searched in its last bytes.
const LARGEST: usize = 16 << 20;

/// The log of a failed build, or of one of more than 16 MiB the end.
///
/// # Errors
/// It has none, or it cannot be read.
pub async fn read_log(server: &Server, failed: &Failed) -> anyhow::Result<Vec<u8>> {
    let key = match &failed.attempt {
        Some(key) => key.clone(),
        None => newest(server, failed).await?,
    };
    let (mut log, mut from) = (Vec::new(), 0);
    while let Some(mut piece) = server.log(&key, from).await? {
        while let Some(chunk) = piece.chunk().await? {
            log.extend_from_slice(&chunk);
            if log.len() > 2 * LARGEST {
                log.drain(..log.len() - LARGEST);
            }
        }
        let before = std::mem::replace(&mut from, piece.next());
        if !piece.goes_on() || from == before {
            break;
        }
    }
    if from == 0 {
        bail!("its log is empty or gone");
    }
    Ok(log)
}

/// A farm of before does not say in its grids where logs are.
async fn newest(server: &Server, failed: &Failed) -> anyhow::Result<farm_model::id::AttemptKey> {
    let view = server.build(&failed.build).await?;
    let key = view.as_ref().and_then(crate::logs::newest_attempt);
    key.context("it has no log: nothing ran")
}
