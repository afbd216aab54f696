//! `farm audit`: who asked for what, and what came of it.

use std::process::ExitCode;

use farm_model::kept::Asked;
use farm_model::message::command::Ask;

use crate::server::ServerArgs;
use crate::session::Session;
use crate::text::{age, plain};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm audit
  farm audit --json | jq '.asked[] | select(.actor == \"user:gopher\")'

The newest first, at most 500; the farm's history has all of them.")]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints what people asked for.
///
/// # Errors
/// No usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let audit = args.server.open()?.audit().await?;
    if args.json {
        session.print(&serde_json::to_string_pretty(&audit)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if audit.asked.is_empty() {
        session.print("nobody has asked for anything yet")?;
    }
    let now = session.clock.now();
    for asked in &audit.asked {
        let ago = age(now.duration_since(asked.at).as_secs());
        session.print(&line(&ago, asked))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn line(ago: &str, asked: &Asked) -> String {
    let text = format!(
        "{ago} ago  {}  {}: {}",
        asked.actor,
        what(&asked.ask),
        asked.effect
    );
    plain(&text)
}

fn what(ask: &Ask) -> String {
    let because = |reason: &str| match reason {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    match ask {
        Ask::Clear { builder, commit } => format!("clear {builder}@{}", commit.short()),
        Ask::Retry { build } => format!("retry {build}"),
        Ask::Cancel { build } => format!("cancel {build}"),
        Ask::Pause { builder, reason } => format!("pause {builder}{}", because(reason)),
        Ask::Resume { builder } => format!("resume {builder}"),
        Ask::Drain { machine, reason } => format!("drain {machine}{}", because(reason)),
        Ask::Undrain { machine } => format!("undrain {machine}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_what_and_what_came_of_it() {
        let asked = Asked {
            id: "c1".parse().unwrap(),
            actor: "user:gopher".to_owned(),
            ask: Ask::Pause {
                builder: "linux-arm".parse().unwrap(),
                reason: "no\u{1b}disk".to_owned(),
            },
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            effect: "paused it; what runs goes on".to_owned(),
        };
        assert_eq!(
            line("5m", &asked),
            "5m ago  user:gopher  pause linux-arm (no disk): paused it; what runs goes on"
        );
    }
}
