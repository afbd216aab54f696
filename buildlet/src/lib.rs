#![doc = include_str!("../README.md")]

mod args;
mod bootstrap;
mod direct;
mod emulator;
mod endpoints;
mod environment;
mod fetch;
#[doc(hidden)]
pub mod fuzz;
mod halt;
mod http;
mod install;
#[cfg(windows)]
mod job;
mod key;
mod log;
mod lookup;
mod machine;
mod memory;
mod metadata;
mod module_proxy;
mod native;
mod os;
mod outbound;
mod process;
mod removal;
mod reverse;
mod run;
mod signals;
mod ssh;
mod stage0;
mod vars;
mod work_dir;

pub use args::{Args, from_go_style};
pub use log::start_log;
pub use run::run;
pub use signals::told_to_end;

/// The version in `/status` and at registration: revdial v2 and all that 2019's number 23 stands for.
pub const VERSION: u32 = 23;
