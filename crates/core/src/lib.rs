#![doc = include_str!("../README.md")]

pub mod again;
pub mod book;
pub mod budget;
pub mod culprit;
pub mod effects;
pub mod explain;
pub mod fact;
pub mod failure;
pub mod farm;
pub mod keep;
pub mod page;
pub mod plan;
pub mod policy;
pub mod pool;
pub mod predict;
pub mod queue;
pub mod recipe;

pub use effects::{Effects, ViewKey};
pub use fact::{Fact, Observation, Refusal};
pub use farm::{Carried, Farm, Saved};
pub use policy::Policy;
