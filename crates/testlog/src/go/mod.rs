//! Go's test runners.

mod json;
mod text;

pub use json::GoJson;
pub use text::GoText;
