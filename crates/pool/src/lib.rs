#![doc = include_str!("../README.md")]

pub mod settings;

pub use settings::{PoolKind, PoolSettings, Settings, SettingsError};
