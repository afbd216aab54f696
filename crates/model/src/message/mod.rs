//! What is said on the five topics, one module a topic.

pub mod activity;
pub mod command;
pub mod progress;
pub mod result;
pub mod work;
