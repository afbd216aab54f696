#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
mod amazon;
mod boot;
#[cfg(feature = "aws")]
mod ec2;
mod gce;
mod google;
mod http;
mod kubernetes;
mod make;
mod pool;
pub mod settings;

pub use boot::Boot;
pub use make::Make;
pub use pool::{OpenError, Pool, Pools};
pub use settings::{PoolKind, PoolSettings, Settings, SettingsError};

/// What machines and pods are marked with: a label, a tag; its value is the farm's name.
pub const FARM: &str = "farmhand-farm";
/// The same for the host type.
pub const HOST: &str = "farmhand-host";
/// When a machine goes whatever it does, in Unix seconds: a label, a tag, an annotation (as of 2019, `buildlet.md` 13.5).
pub const DELETE_AT: &str = "delete-at";
