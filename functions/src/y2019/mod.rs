//! What clients of 2019 send, and how they are answered (spec `dashboard.md` 3): shared by the functions that speak to them.

pub(crate) mod envelope;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod packages;
