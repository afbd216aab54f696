//! What an attempt does, step by step: one file a kind of step.

mod command;
mod fetch;
mod keep;
mod list;
mod modules;
mod paths;
mod reports;
mod restore;
mod tests;
mod write;

pub use self::reports::READ_AT_ONCE;
pub use self::restore::Snapshots;

use farm_model::message::work::Step;
use farm_wire::client::Client;

use super::desk::Desk;
use super::{Attempt, End};

/// What a step that only places something is called.
pub fn placing(step: &Step) -> Option<&'static str> {
    match step {
        Step::Source { .. } => Some("source"),
        Step::Restore { .. } => Some("restore"),
        Step::Fetch { .. } => Some("fetch"),
        Step::Write { .. } => Some("write"),
        _ => None,
    }
}

/// Groups of tests in all steps.
pub fn groups(steps: &[Step]) -> usize {
    let groups = steps.iter().map(|step| match step {
        Step::Tests(tests) => tests.groups.len(),
        _ => 0,
    });
    groups.sum()
}

impl Attempt {
    /// Whether the step is not to be done: what it would place is in the work dir that the attempt goes on from.
    pub(super) fn is_placed(&self, step: &Step) -> bool {
        let places = matches!(
            step,
            Step::Source { .. } | Step::Restore { .. } | Step::Fetch { .. }
        );
        self.job.continues.is_some() && places
    }

    /// Places what the step says; other steps place nothing.
    pub(super) async fn place(&self, client: &Client, step: &Step) -> End {
        match step {
            Step::Source { source, into } => {
                let into = paths::inside(into)?;
                self.tools.mirrors.send(source, into, client).await
            }
            Step::Restore { snapshot, into } => self.restore(client, snapshot, into).await,
            Step::Fetch { url, into } => fetch::fetch(client, url, into).await,
            Step::Write { path, text, mode } => write::write(client, path, text, *mode).await,
            Step::Run(_)
            | Step::List(_)
            | Step::Keep { .. }
            | Step::Tests(_)
            | Step::Modules(_) => Ok(()),
        }
    }

    /// Does one step to its end.
    pub(super) async fn perform(&self, step: &Step, desk: &mut Desk<'_>) -> End {
        match step {
            Step::Run(command) => {
                self.command(command, &command.name, desk, &mut |_| {})
                    .await
            }
            Step::List(command) => self.list(command, desk).await,
            Step::Keep {
                dir,
                remove,
                timeout_seconds,
            } => self.keep(dir, remove, *timeout_seconds, desk).await,
            Step::Tests(tests) => self.tests(tests, desk).await,
            Step::Modules(modules) => self.modules(modules, desk).await,
            placing => {
                let name = self::placing(placing).unwrap_or_default();
                desk.begin_ours(name).await;
                let end = self.place(&self.machine.client(), placing).await;
                desk.end_ours(name, end).await
            }
        }
    }
}
