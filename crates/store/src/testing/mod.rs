//! The conformance suite of stores: what the coordinator relies on, checked through [`Store`] alone.
//!
//! Every case takes a function that opens a fresh, empty database. A case that fails panics.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "the assertions of a test suite"
)]

mod cases;
#[cfg(unix)]
pub mod postgres;
pub mod sample;

use crate::{Batch, Committed, Epoch, Store};

/// Every case that needs one handle on a database. `fresh` opens an empty one each time.
pub fn single(fresh: &mut dyn FnMut() -> Box<dyn Store>) {
    for (name, case) in cases::SINGLE {
        eprintln_case(name);
        case(&mut *fresh());
    }
}

/// Every case of two processes on one database. `fresh` opens an empty one twice.
pub fn shared(fresh: &mut dyn FnMut() -> (Box<dyn Store>, Box<dyn Store>)) {
    for (name, case) in cases::SHARED {
        eprintln_case(name);
        let (mut first, mut second) = fresh();
        case(&mut *first, &mut *second);
    }
}

#[expect(clippy::print_stderr, reason = "tells which case of a suite failed")]
fn eprintln_case(name: &str) {
    eprintln!("store conformance: {name}");
}

/// Commits what has to be accepted.
fn accepted(store: &mut dyn Store, epoch: Epoch, batch: &Batch) {
    assert_eq!(store.commit(epoch, batch).unwrap(), Committed::Yes);
}
