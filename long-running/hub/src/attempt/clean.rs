//! What happens to a machine before an attempt and after it.

use std::sync::Arc;
use std::time::Duration;

use farm_model::config::Clean;
use farm_wire::client::Client;
use tokio::time::timeout;

use super::{Bad, End, SOURCE};
use crate::machines::{Checks, Lease, Machine, first_status};

/// For a halted machine to go by itself before its connection is closed.
const GOING: Duration = Duration::from_secs(15);

/// Makes room for the attempt: nothing of an earlier one is left where `clean` says so.
pub async fn before(client: &Client, clean: Clean) -> End {
    let path = match clean {
        Clean::Halt | Clean::Wipe => ".",
        Clean::None => SOURCE,
    };
    let removed = client.remove_all(&[path]).await;
    removed.map_err(|error| Bad::Lost(format!("cannot clean the machine: {error}")))
}

/// Decides whether the machine can be used again, and takes it out of use if not. What is then left to do with it, the
/// caller does when there is time: see [`Parting`].
pub async fn after(lease: &Lease, clean: Clean, well: bool, checks: &Checks) -> Option<Parting> {
    let machine = Arc::clone(lease.machine());
    if clean == Clean::Halt {
        lease.retire("it is halted after every attempt");
        return Some(Parting {
            machine,
            halt: true,
        });
    }
    if well {
        return None;
    }
    // Something broke between us, or we broke something off: is it still there?
    let check = first_status(&machine.client(), checks).await;
    let reason = check.err()?;
    lease.retire(&format!("it did not answer after an attempt: {reason}"));
    Some(Parting {
        machine,
        halt: false,
    })
}

/// A machine that is no longer used, but still connected.
pub struct Parting {
    machine: Arc<Machine>,
    halt: bool,
}

impl Parting {
    /// Sees it off: told to halt, it ends the connection itself, since the halting of old agents dies with it.
    pub async fn see_off(self) {
        if self.halt {
            self.machine.client().halt().await;
            drop(timeout(GOING, self.machine.closed()).await);
        }
        self.machine.close();
    }
}
