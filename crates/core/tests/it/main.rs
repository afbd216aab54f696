//! Whole farms, as their `farm.toml` describes them.

mod go_cases;
mod go_farm;
