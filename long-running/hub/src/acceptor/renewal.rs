//! A machine's next key, while it is connected.

use std::convert::Infallible;
use std::time::Duration;

use farm_model::Timestamp;
use farm_wire::keys::key_id;
use farm_wire::revdial::Dialer;
use farm_wire::reverse::RevdialVersion;
use tokio::sync::watch;
use tokio::time::sleep;

use super::Doors;
use super::keys::OwnKey;
use crate::ledger::{Bearer, Ledger};

/// How often it is looked whether a key is to be renewed.
const PERIOD: Duration = Duration::from_secs(12 * 3600);
/// After it could not be sent.
const AGAIN: Duration = Duration::from_secs(300);

/// Sends a new key whenever that is due, to machines that understand it; before that it is noted in the machine's record, if
/// there is one. A machine that cannot keep it says so in its own log, registers with the old one, and gets another then.
///
/// A machine that a pool made gets the `first` one at once, for the one that it has used up, and no other: it is good for as
/// long as there is the machine.
pub async fn keep_key(
    (key, first): (Option<OwnKey>, Option<String>),
    bearer: watch::Sender<Bearer>,
    dialer: &Dialer,
    doors: &Doors,
) -> Infallible {
    let Some(mut key) = key.filter(|_| dialer.version() >= RevdialVersion::V3) else {
        return std::future::pending().await;
    };
    if doors.ledger.made(&key.machine).is_some() {
        if let Some(Err(error)) = first.map(|first| dialer.renew_key(first)) {
            tracing::warn!(machine = %key.machine, "cannot send a machine its first own key: {error}");
        }
        return std::future::pending().await;
    }
    loop {
        let now = doors.identity.now().as_second();
        if let Some((next, text)) = doors.keys.renewed(&key, now) {
            let present = bearer.borrow().clone();
            match send(&present, &next, &text, dialer, &doors.ledger).await {
                Ok(()) => {
                    tracing::info!(machine = %key.machine, ends = next.ends, "sent a new key");
                    bearer.send_modify(|bearer| bearer.key_ids = [key_id(&text)].into());
                    key = next;
                }
                Err(error) => {
                    tracing::warn!(machine = %key.machine, "cannot send a new key: {error:#}");
                    sleep(AGAIN).await;
                    continue;
                }
            }
        }
        sleep(PERIOD).await;
    }
}

async fn send(
    bearer: &Bearer,
    next: &OwnKey,
    text: &str,
    dialer: &Dialer,
    ledger: &Ledger,
) -> anyhow::Result<()> {
    let ends = Timestamp::from_second(next.ends)?;
    ledger.renewed(bearer, &key_id(text), ends).await?;
    Ok(dialer.renew_key(text.to_owned())?)
}
