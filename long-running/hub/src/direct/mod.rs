//! Machines at an address of their own: VMs, pods, a machine with a fixed address. The hub dials them, and again when they
//! were gone; from then on they are machines like those that dial in.

mod keep;
mod probe;
mod settings;

pub use keep::Keeper;
pub use settings::{DirectMachine, read as read_direct};
