//! One machine, from its registration to the end of its control connection.

use std::sync::Arc;

use farm_wire::head::{Refusal, write_101};
use farm_wire::revdial::{Dialer, SessionEnd};
use farm_wire::stream::Prefixed;
use farm_wire::tls::TlsServerStream;
use tokio::sync::OwnedSemaphorePermit;

use super::reverse::{Guest, check};
use super::{Doors, Request, refuse};
use crate::machines::{Machine, Reach, attend, first_status};

/// Answers a registration, and holds the machine until it goes.
pub async fn serve(
    (head, mut stream): Request,
    doors: &Arc<Doors>,
    place: OwnedSemaphorePermit,
    peer: &str,
) {
    let now = doors.identity.now().as_second();
    let checked = check(&head, &doors.identity.hub, &doors.keys, now);
    let admitted = match checked {
        Ok(guest) => admit(&guest, doors).await.map(|()| guest),
        Err(refusal) => Err(refusal),
    };
    match admitted {
        Ok(guest) => {
            if write_101(&mut stream).await.is_ok() {
                drop(place);
                hold(guest, stream, doors, peer).await;
            }
        }
        Err(refusal) => {
            tracing::warn!(%peer, %refusal, "a registration was refused");
            doors
                .status
                .send_modify(|status| status.registrations_refused += 1);
            refuse(&mut stream, &refusal, &doors.identity.clock).await;
        }
    }
}

/// Whether there is a place for it: not while we drain, and not beside a living machine of its name.
async fn admit(guest: &Guest, doors: &Doors) -> Result<(), Refusal> {
    if doors.registry.is_draining() {
        return Err(Refusal::new(503, "the hub is shutting down"));
    }
    doors.ledger.admit(&guest.bearer).await?;
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
    Ok(())
}

async fn hold(guest: Guest, stream: Prefixed<TlsServerStream>, doors: &Arc<Doors>, peer: &str) {
    let (dialer, session) = match doors.dialers.open(stream) {
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
    tracing::info!(machine = %id, %host_type, %peer, "a machine registered");
    let barred = doors.ledger.barred(guest.bearer.clone());
    let reason = tokio::select! {
        end = session.run() => said(end),
        why = barred => why,
        reason = known.live(guest, dialer) => reason,
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
    async fn live(&mut self, guest: Guest, dialer: Dialer) -> String {
        let Doors {
            checks,
            registry,
            ledger,
            ..
        } = self.doors;
        let reach = Reach::from(dialer);
        let client = reach.client(&guest.name);
        let version = match first_status(&client, checks).await {
            Ok(version) => version,
            Err(reason) => return format!("it is of no use: {reason}"),
        };
        let Guest {
            id,
            host_type,
            name,
            ..
        } = guest;
        let owner = ledger.owner(&name);
        let machine = Machine::new(id, host_type, version, name, (reach, client));
        let machine = Arc::new(machine.owned_by(owner));
        self.machine = Some(Arc::clone(&machine));
        if let Some(replaced) = registry.add(Arc::clone(&machine)) {
            replaced.close();
        }
        attend(&machine, registry, checks).await
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
        SessionEnd::WriteTimedOut => "it no longer reads".to_owned(),
        SessionEnd::Io(error) => format!("its connection failed: {error}"),
    }
}
