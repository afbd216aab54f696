//! Connected machines: who there is, what each works on, and what the coordinator has yet to hear of them.

mod attend;
mod census;
mod debts;
mod holds;
mod lease;
mod machine;
mod news;
mod reach;
mod registry;
mod troubles;

#[cfg(test)]
mod tests;

pub use attend::{Checks, attend, first_status};
pub use census::{Census, Count, Gone, Seen, Trouble, Wanted};
pub use holds::{Held, Keeping, NotHad};
pub use lease::Lease;
pub use machine::Machine;
pub use news::{News, Scope};
pub use reach::{DirectLine, Reach};
pub use registry::{Departure, Registry};
