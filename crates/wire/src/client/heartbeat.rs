//! Whether the buildlet still lives (`buildlet.md` 11.4).

use std::time::Duration;

use super::{Client, TransportError};

const PERIOD: Duration = Duration::from_secs(10);
const FAILURES: u32 = 3;

impl Client {
    /// Asks `/status` every ten seconds, over a connection of its own while another is busy, and returns only when three
    /// tries in a row failed: select it beside the work. The client is broken then.
    pub async fn heartbeat(&self) -> TransportError {
        let mut failures = 0;
        loop {
            tokio::time::sleep(PERIOD).await;
            match self.status().await {
                Ok(_) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::debug!(%error, failures, "heartbeat failed");
                    if failures == FAILURES {
                        self.mark_broken();
                        return TransportError::Dead(Box::new(error));
                    }
                }
            }
        }
    }
}
