//! Waiting for a fact.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Long enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until there is an answer, and says what was waited for if there is none in time.
pub async fn until<T, E: Debug>(what: &str, ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    until_within(PATIENCE, what, ask).await
}

/// The same for what takes longer by itself.
pub async fn until_within<T, E: Debug>(
    patience: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let end = Instant::now() + patience;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(last) if Instant::now() > end => panic!("waited for {what}; last seen: {last:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
