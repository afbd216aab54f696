//! Waiting for the network, which machines have some time after they started.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use super::update::Update;
use crate::fetch::{FetchError, Limits, shown};

const PAUSE: Duration = Duration::from_secs(1);
const TRY: Duration = Duration::from_secs(5);
const LIMITS: Limits = Limits {
    connect: TRY,
    answer: TRY,
    idle: TRY,
    total: TRY,
    tries: 1,
};

/// Returns once whoever has the buildlet answers anything at all.
///
/// # Errors
/// Nothing answered for so long.
pub async fn wait(update: &Update, limit: Duration) -> anyhow::Result<()> {
    let until = Instant::now() + limit;
    loop {
        let error = match update.head(&LIMITS).await {
            Ok(()) | Err(FetchError::Status(_)) => return Ok(()),
            Err(error @ FetchError::BadUrl) => bail!("{}: {error}", shown(update.url())),
            Err(error) => error,
        };
        if Instant::now() + PAUSE > until {
            bail!(
                "no network for {} s: {}: {error}; --network-wait waits longer",
                limit.as_secs(),
                shown(update.url())
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}
