//! `farm flakes`: tests that both passed and failed on the same inputs.

use std::process::ExitCode;

use farm_model::kept::Flake;

use crate::server::ServerArgs;
use crate::session::Session;
use crate::text::{age, plain};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm flakes
  farm flakes --json

Of each: how often it failed and then passed on the same snapshot, of how many runs since it was first seen to, and
where the newest such failure is to be read (`farm logs BUILD/RUN/JOB/ATTEMPT`).")]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints them, those seen last first.
///
/// # Errors
/// No usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let view = args.server.open()?.flakes().await?;
    if args.json {
        session.print(&serde_json::to_string_pretty(&view)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if view.flakes.is_empty() {
        session.print("no test is known to fail by chance")?;
    }
    let now = session.clock.now();
    for flake in &view.flakes {
        let ago = age(now.duration_since(flake.last).as_secs());
        session.print(&line(&ago, flake))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(ago: &str, flake: &Flake) -> String {
    let test = match flake.name.as_str() {
        "" => flake.unit.clone(),
        name => format!("{} {name}", flake.unit),
    };
    let text = format!(
        "{} of {} runs, last {ago} ago  {} {}  {test}  {}",
        flake.flaked, flake.ran, flake.builder, flake.repo, flake.evidence
    );
    plain(&text)
}
