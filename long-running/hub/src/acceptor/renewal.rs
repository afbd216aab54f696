//! A machine's next key, while it is connected.

use std::convert::Infallible;
use std::time::Duration;

use farm_wire::revdial::Dialer;
use farm_wire::reverse::RevdialVersion;
use tokio::time::sleep;

use super::keys::OwnKey;
use super::{Doors, Keys};

/// How often it is looked whether a key is to be renewed.
const PERIOD: Duration = Duration::from_secs(12 * 3600);

/// Sends a new key whenever that is due, to machines that understand it. A machine that cannot keep it says so in its own
/// log, registers with the old one, and gets another then.
pub async fn keep_key(key: Option<OwnKey>, dialer: &Dialer, doors: &Doors) -> Infallible {
    let Some(mut key) = key.filter(|_| dialer.version() >= RevdialVersion::V3) else {
        return std::future::pending().await;
    };
    loop {
        renew(
            &mut key,
            dialer,
            &doors.keys,
            doors.identity.now().as_second(),
        );
        sleep(PERIOD).await;
    }
}

fn renew(key: &mut OwnKey, dialer: &Dialer, keys: &Keys, now: i64) {
    let Some((next, text)) = keys.renewed(key, now) else {
        return;
    };
    match dialer.renew_key(text) {
        Ok(()) => {
            tracing::info!(machine = %key.machine, ends = next.ends, "sent a new key");
            *key = next;
        }
        Err(error) => tracing::warn!(machine = %key.machine, %error, "cannot send a new key"),
    }
}
