//! What happens to a machine before an attempt and after it.

use std::sync::Arc;
use std::time::Duration;

use farm_model::config::Clean;
use farm_model::message::work::{SOURCE_ROOT, Step};
use farm_wire::client::Client;
use tokio::time::{sleep, timeout};

use super::{Bad, End};
use crate::machines::{Checks, Lease, Machine, Registry, first_status};

/// For a machine to answer that it will halt; a connection to it may have to be made first.
pub const HALT: Duration = Duration::from_secs(10);
/// For a halted machine to go by itself before its connection is closed.
const GOING: Duration = Duration::from_secs(15);
/// Between two looks whether a machine at an address has gone.
const LOOK: Duration = Duration::from_millis(300);

/// Makes room for the attempt: nothing of an earlier one is left where `clean` says so, and else nothing where trees are
/// to be placed.
pub async fn before(client: &Client, clean: Clean, steps: &[Step]) -> End {
    let paths = match clean {
        Clean::Halt | Clean::Wipe => vec!["."],
        Clean::None => replaced(steps),
    };
    let removed = client.remove_all(&paths).await;
    removed.map_err(|error| Bad::Lost(format!("cannot clean the machine: {error}")))
}

/// Folders that steps fill. A toolchain that is loaded stays, as the machine does not load it twice.
fn replaced(steps: &[Step]) -> Vec<&str> {
    let mut folders = vec![SOURCE_ROOT];
    for step in steps {
        match step {
            Step::Source { into, .. } | Step::Restore { into, .. }
                if !folders.contains(&into.as_str()) =>
            {
                folders.push(into);
            }
            _ => {}
        }
    }
    folders
}

/// How an attempt left its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing speaks against using it again.
    Well,
    /// Something broke between us, or we broke something off.
    InDoubt,
    /// It could not be cleaned: whoever used it next would find what others left.
    Unclean,
}

/// Decides whether the machine can be used again, and takes it out of use if not. What is then left to do with it, the
/// caller does when there is time: see [`Parting`].
pub async fn after(lease: &Lease, clean: Clean, left: Left, checks: &Checks) -> Option<Parting> {
    let machine = Arc::clone(lease.machine());
    if clean == Clean::Halt {
        lease.dismiss("it is halted after every attempt");
        return Some(Parting {
            machine,
            halt: true,
        });
    }
    if left == Left::Unclean {
        lease.retire("it could not be cleaned");
        return Some(Parting {
            machine,
            halt: false,
        });
    }
    if left == Left::Well {
        return None;
    }
    // Is it still there?
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
    /// Sees it off: told to halt, it ends the connection itself, since the halting of old agents dies with it. Only then
    /// does it owe no halt any more.
    pub async fn see_off(self, registry: &Registry) {
        if self.halt && halt(&self.machine).await {
            registry.halted(&self.machine.id);
        }
        self.machine.close();
    }
}

/// Halts the machine; whether it said that it will and went. One whose connection had ended before was not told.
async fn halt(machine: &Machine) -> bool {
    if machine.is_closed() || !machine.client().halt_within(HALT).await {
        return false;
    }
    let went = async {
        if machine.stats().is_some() {
            return machine.closed().await;
        }
        // At an address nothing tells that it goes.
        while machine.fresh_client().status().await.is_ok() {
            sleep(LOOK).await;
        }
    };
    timeout(GOING, went).await.is_ok()
}
