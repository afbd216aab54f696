//! `farm flakes`: tests that both passed and failed on the same inputs.

use std::process::ExitCode;

use farm_model::Timestamp;
use farm_model::kept::Flake;

use crate::listing::{ListingArgs, Row};
use crate::server::ServerArgs;
use crate::session::Session;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm flakes
  farm flakes --json

Of each: how often it failed and then passed on the same snapshot, of how many runs since it was first seen to, and
where the newest such failure is to be read (`farm logs BUILD/RUN/JOB/ATTEMPT`).")]
pub struct Args {
    #[command(flatten)]
    form: ListingArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints them, those seen last first.
///
/// # Errors
/// No usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let view = args.server.open()?.flakes().await?;
    let none = "no test is known to fail by chance";
    args.form.show(&view, &view.flakes, none, session)
}

impl Row for Flake {
    fn at(&self) -> Timestamp {
        self.last
    }

    fn line(&self, ago: &str) -> String {
        let test = match self.name.as_str() {
            "" => self.unit.clone(),
            name => format!("{} {name}", self.unit),
        };
        format!(
            "{} of {} runs, last {ago} ago  {} {}  {test}  {}",
            self.flaked, self.ran, self.builder, self.repo, self.evidence
        )
    }
}
