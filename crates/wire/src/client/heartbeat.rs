//! Whether the buildlet still lives (`buildlet.md` 11.4).

use std::time::Duration;

use super::request::Route;
use super::state::Life;
use super::{Client, TransportError, plain};

const PERIOD: Duration = Duration::from_secs(10);
const FAILURES: u32 = 3;

impl Client {
    /// Asks `/status` every ten seconds, over a connection of its own, and returns only at the buildlet's death: three
    /// tries in a row failed, or the client was closed. To be selected beside the work, unless the client looks after
    /// that itself ([`Client::with_heartbeat`]).
    pub async fn heartbeat(&self) -> TransportError {
        let route = self.0.route.sibling();
        tokio::select! {
            cause = beat(&route, &self.0.life) => cause,
            cause = self.0.life.died() => cause,
        }
    }
}

/// Returns when three tries in a row failed: the buildlet is dead then.
pub(super) async fn beat(route: &Route, life: &Life) -> TransportError {
    let mut failures = 0;
    loop {
        tokio::time::sleep(PERIOD).await;
        match plain::status(route).await {
            Ok(_) => failures = 0,
            Err(error) => {
                failures += 1;
                tracing::debug!(%error, failures, "heartbeat failed");
                if failures == FAILURES {
                    life.die(error);
                    return life.died().await;
                }
            }
        }
    }
}
