//! Reading real git repositories, at a path and at a URL.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod mirror;
mod repository;
