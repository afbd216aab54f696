//! `farm audit`: who asked for what, and what came of it.

use std::process::ExitCode;

use farm_model::Timestamp;
use farm_model::kept::Asked;
use farm_model::message::command::Ask;

use super::CommandArgs;
use crate::listing::{ListingArgs, Row};
use crate::session::Session;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm audit
  farm audit --json | jq '.asked[] | select(.actor == \"user:gopher\")'

The newest first, at most 500; the farm's history has all of them. It is shown to those who may ask: with a token.")]
pub struct Args {
    #[command(flatten)]
    form: ListingArgs,
    #[command(flatten)]
    how: CommandArgs,
}

/// Prints what people asked for.
///
/// # Errors
/// There is no token, or no usable answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let token = args.how.token(session)?;
    let audit = args.how.server()?.audit(&token).await?;
    let none = "nobody has asked for anything yet";
    args.form.show(&audit, &audit.asked, none, session)
}

impl Row for Asked {
    fn at(&self) -> Timestamp {
        self.at
    }

    fn line(&self, ago: &str) -> String {
        let what = what(&self.ask);
        format!("{ago} ago  {}  {what}: {}", self.actor, self.effect)
    }
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
        Ask::RebuildViews => "rebuild views".to_owned(),
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
                reason: "no disk".to_owned(),
            },
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            effect: "paused it; what runs goes on".to_owned(),
        };
        assert_eq!(
            asked.line("5m"),
            "5m ago  user:gopher  pause linux-arm (no disk): paused it; what runs goes on"
        );
    }
}
