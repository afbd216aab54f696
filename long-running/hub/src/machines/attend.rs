//! Watching one machine while it is idle. While it works, its attempt watches it.

use std::sync::Arc;
use std::time::Duration;

use farm_wire::client::Client;
use tokio::time::{sleep, timeout};

use super::{Machine, Registry};

/// The oldest buildlet that can be used.
const OLDEST_VERSION: i64 = 1;

/// How idle machines are looked after.
#[derive(Debug, Clone)]
pub struct Checks {
    /// Between two questions.
    pub period: Duration,
    /// For one answer.
    pub limit: Duration,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            period: Duration::from_secs(10),
            limit: Duration::from_secs(5),
        }
    }
}

/// Asks a machine that has just registered what it is; its version number.
///
/// # Errors
/// Why it cannot be used, for people.
pub async fn first_status(client: &Client, checks: &Checks) -> Result<i64, String> {
    let version = status(client, checks.limit).await?;
    if version < OLDEST_VERSION {
        return Err(format!(
            "its buildlet has version {version}, too old to be used"
        ));
    }
    Ok(version)
}

/// Asks again and again while the machine is idle; returns why it cannot be used any more.
pub async fn attend(machine: &Arc<Machine>, registry: &Registry, checks: &Checks) -> String {
    loop {
        sleep(checks.period).await;
        if !registry.is_idle(machine) {
            continue;
        }
        match status(&machine.client(), checks.limit).await {
            // While we asked, it was given work: whoever works with it judges.
            Err(_) if !registry.is_idle(machine) => {}
            Err(error) => return format!("it did not pass its check: {error}"),
            Ok(_) => machine.answered(),
        }
    }
}

async fn status(client: &Client, limit: Duration) -> Result<i64, String> {
    match timeout(limit, client.status()).await {
        Ok(Ok(status)) => Ok(status.version),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}
