//! Machines that come and go: the interface of whatever makes them, and what to do about the difference between what there
//! should be and what there is.
//!
//! Whoever keeps a pool writes an [`Order`] down first, then has the machine made; so a machine that no record explains is one
//! whose maker died in between, or somebody else's. The decisions here are pure; a pool itself is a shell's.

mod reap;
mod scale;
mod settle;

use std::fmt;
use std::future::Future;

use farm_model::Timestamp;
use farm_model::id::{HostType, MachineName};
use farm_model::order::{MachineOrder, NotMade};

pub use reap::{Census, Records, Why, is_over, missing, reap};
pub use scale::{Limits, scale};
pub use settle::{GRACE, Step, settle};

/// What a record says of a machine: what decides whether it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its name, which no other machine of the pool has or had: making it twice is making it once.
    pub name: MachineName,
    /// What it registers as.
    pub host: HostType,
    /// When it was written down.
    pub at: Timestamp,
    /// When it goes, whatever it does then; a machine without that stays until it is deleted.
    pub until: Option<Timestamp>,
}

impl From<&MachineOrder> for Order {
    fn from(order: &MachineOrder) -> Self {
        Self {
            name: order.machine.clone(),
            host: order.host_type.clone(),
            at: order.at,
            until: Some(order.until),
        }
    }
}

/// A machine that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: MachineName,
    /// Where it is: a zone, a namespace. A pool may by mistake have two of a name, in different places.
    pub place: String,
    /// Since when, by the pool's clock.
    pub since: Timestamp,
    /// Whose it is.
    pub mark: Mark,
    /// When it goes whatever it does, as it says itself: by a label, a tag, an annotation.
    pub until: Option<Timestamp>,
    /// Whether it has stopped for good, and only takes up its name.
    pub ended: bool,
}

/// Whose a machine is, as the pool tells by a tag or a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// This farm's: it may be deleted.
    Ours,
    /// Somebody else's who uses the same account: it is left alone.
    Foreign,
}

/// A machine was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateError {
    /// What to do about it.
    pub cause: NotMade,
    /// In the pool's words.
    pub reason: String,
}

/// The pool did not answer; again later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolError(pub String);

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.cause {
            NotMade::StockOut => "there is no such machine now",
            NotMade::Quota => "there may be no more machines",
            NotMade::Passing => "the machine could not be made just now",
            NotMade::Refused => "the machine cannot be made",
        };
        write!(f, "{what}: {}", self.reason)
    }
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the machines' pool does not answer: {}", self.0)
    }
}

impl std::error::Error for CreateError {}
impl std::error::Error for PoolError {}

/// Where machines come from: processes of this computer, virtual machines of a cloud, pods.
///
/// A machine boots with a key of its own, which the pool makes, and dials in by itself; that it is of use is seen at the hub.
pub trait MachinePool {
    /// What it needs to know of a machine to make it.
    type Order: Sync;

    /// Has a machine made, and says where. Returns when the pool has taken the order, which may be before the machine is
    /// there. The same name again is no error.
    fn create(
        &self,
        order: &Self::Order,
    ) -> impl Future<Output = Result<String, CreateError>> + Send;

    /// All machines of the pool, foreign ones included. One that was ordered a moment ago may be missing.
    fn list(&self) -> impl Future<Output = Result<Vec<Found>, PoolError>> + Send;

    /// Ends a machine of this farm and everything on it: in this place alone, or wherever there is one of the name. One
    /// that is not there is no error.
    fn delete(
        &self,
        name: &MachineName,
        place: Option<&str>,
    ) -> impl Future<Output = Result<(), PoolError>> + Send;
}
