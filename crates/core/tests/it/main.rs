//! Whole farms, as their `farm.toml` describes them.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod go_cases;
mod go_farm;
