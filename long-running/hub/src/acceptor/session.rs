//! One machine, from its registration to the end of its control connection.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use farm_wire::head::{Refusal, write_101_for};
use farm_wire::revdial::{Dialer, SessionEnd};
use farm_wire::reverse::RevdialVersion;
use farm_wire::stream::Prefixed;
use farm_wire::tls::TlsServerStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::timeout;

use super::renewal::keep_key;
use super::reverse::{Guest, check};
use super::{Doors, Request, V1Places, once, refuse};
use crate::attempt::HALT;
use crate::ledger::Bearer;
use crate::machines::{Machine, Reach, attend, first_status};

/// For a machine that is told to halt to go by itself.
const HALTING: Duration = Duration::from_secs(15);

/// Answers a registration, and holds the machine until it goes.
pub async fn serve(
    (head, mut stream): Request,
    doors: &Arc<Doors>,
    place: OwnedSemaphorePermit,
    peer: &str,
) {
    let now = doors.identity.now().as_second();
    let v1 = doors.v1.is_some();
    let checked = check(&head, &doors.identity.hub, &doors.keys, v1, now);
    let admitted = match checked {
        Ok(mut guest) => {
            // It has shown who it is. What follows may take as long as a pick-up, which needs a place itself.
            drop(place);
            admit(&mut guest, doors).await.map(|v1| (guest, v1))
        }
        Err(refusal) => Err(refusal),
    };
    match admitted {
        Ok((guest, _v1)) => {
            doors.counts.accepted();
            if write_101_for(&mut stream, guest.revdial).await.is_ok() {
                hold(guest, stream, doors, peer).await;
            }
        }
        Err(refusal) => {
            tracing::warn!(%peer, %refusal, "a registration was refused");
            doors.counts.refused(&refusal);
            doors
                .status
                .send_modify(|status| status.registrations_refused += 1);
            refuse(&mut stream, &refusal, &doors.identity.clock).await;
        }
    }
}

/// Whether there is a place for it: not while we drain, and not beside a living machine of its name. The place of a machine
/// of version 1 is to be held. A key that is good once is used up last of all.
async fn admit(guest: &mut Guest, doors: &Doors) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
    if doors.registry.is_draining() {
        return Err(Refusal::new(503, "the hub is shutting down"));
    }
    doors.ledger.admit(&guest.bearer).await?;
    once::in_time(guest, doors)?;
    if let Some(older) = doors.registry.get(&guest.id) {
        if first_status(&older.fresh_client(), &doors.checks)
            .await
            .is_ok()
        {
            let text = format!("a machine named {} is connected already", guest.name);
            return Err(Refusal::new(409, text));
        }
        doors.registry.remove(&older, "it registered anew");
        older.close();
    }
    if !doors.registry.has_room() {
        return Err(Refusal::new(503, "the hub is full"));
    }
    let v1 = doors.v1.as_ref();
    let v1 = v1.filter(|_| guest.revdial == RevdialVersion::V1);
    let v1 = v1.map(V1Places::take).transpose()?;
    once::use_up(guest, doors).await?;
    Ok(v1)
}

async fn hold(guest: Guest, stream: Prefixed<TlsServerStream>, doors: &Arc<Doors>, peer: &str) {
    let (dialer, session) = match doors.dialers.open(guest.revdial, stream) {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, "cannot open a session");
            return;
        }
    };
    let (id, host_type) = (guest.id.clone(), guest.host_type.clone());
    let mut known = Known {
        doors,
        machine: None,
    };
    tracing::info!(machine = %id, %host_type, %peer, revdial = %dialer.version(), "a machine registered");
    let (bearer, bearers) = watch::channel(guest.bearer.clone());
    let barred = doors.ledger.barred(bearers);
    let reason = tokio::select! {
        end = session.run() => said(end),
        why = barred => why,
        reason = known.live(guest, dialer, bearer) => reason,
    };
    tracing::info!(machine = %id, %reason, "a machine is gone");
    known.forget(&reason);
}

/// A machine as far as it got; forgotten however its task ends.
struct Known<'a> {
    doors: &'a Doors,
    machine: Option<Arc<Machine>>,
}

impl Known<'_> {
    /// Takes it in once it has answered, and returns why it cannot stay.
    async fn live(
        &mut self,
        guest: Guest,
        dialer: Dialer,
        bearer: watch::Sender<Bearer>,
    ) -> String {
        let Doors {
            checks,
            registry,
            counts,
            ledger,
            ..
        } = self.doors;
        let reach = Reach::from(dialer.clone());
        let client = reach.client(&guest.name, &counts.dials);
        if registry.owes_halt(&guest.id) {
            // It answers a second before it goes.
            if !client.halt_within(HALT).await {
                return "it was not halted after its last attempt, and cannot be now".to_owned();
            }
            registry.halted(&guest.id);
            drop(timeout(HALTING, reach.closed()).await);
            return "it was not halted after its last attempt, and is now".to_owned();
        }
        let version = match first_status(&client, checks).await {
            Ok(version) => version,
            Err(reason) => return format!("it is of no use: {reason}"),
        };
        let Guest {
            id,
            host_type,
            name,
            key,
            next,
            bearer: shown,
            ..
        } = guest;
        let issued = ledger.issued(&name);
        let machine = Machine::new(id, host_type, version, name, (reach, client));
        let machine = machine.counted(&counts.dials).recorded_in(ledger);
        let machine = Arc::new(machine.with_keys(&shown.key_ids, issued));
        self.machine = Some(Arc::clone(&machine));
        if let Some(replaced) = registry.add(Arc::clone(&machine)) {
            replaced.close();
        }
        tokio::select! {
            reason = attend(&machine, registry, checks) => reason,
            never = keep_key((key, next), bearer, &dialer, self.doors) => match never {},
        }
    }

    fn forget(&mut self, reason: &str) {
        if let Some(machine) = self.machine.take() {
            self.doors.registry.remove(&machine, reason);
        }
    }
}

impl Drop for Known<'_> {
    fn drop(&mut self) {
        self.forget("its task ended");
    }
}

fn said(end: SessionEnd) -> String {
    match end {
        SessionEnd::Closed => "it closed the connection".to_owned(),
        SessionEnd::Asked => "the hub closed the connection".to_owned(),
        SessionEnd::BadLine(sample) => format!("it sent what is no line of the protocol: {sample}"),
        SessionEnd::Protocol(what) => format!("it broke the protocol: {what}"),
        SessionEnd::Stalled => "one of its connections was not read, which stops all".to_owned(),
        SessionEnd::WriteTimedOut => "it no longer reads".to_owned(),
        SessionEnd::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            "its connection broke off".to_owned()
        }
        SessionEnd::Io(error) => format!("its connection failed: {error}"),
    }
}
