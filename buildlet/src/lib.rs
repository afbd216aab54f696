#![doc = include_str!("../README.md")]

mod args;
mod direct;
mod endpoints;
mod environment;
mod halt;
mod http;
mod key_file;
mod machine;
mod process;
mod reverse;
mod run;
mod work_dir;

pub use args::Args;
pub use run::run;

/// The version in `/status` and at registration: revdial v2 and all that 2019's number 23 stands for.
pub const VERSION: u32 = 23;
