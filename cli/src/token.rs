//! `farm token`: mints a token for a person.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use farm_forge::token;
use farm_model::config::parse_seconds;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::session::Session;

const DAY: u64 = 24 * 3600;
/// A token cannot be taken back, so it does not live for ever either.
const LONGEST: u64 = 366 * DAY;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm token --key-file .farm/secrets/token-key --subject gopher
  farm token --key-file KEY --subject ci --expires 12h > ci.token
  FARM_TOKEN=$(cat ci.token) farm retry lint 5b0c9d1e
  farm token --key-file KEY --subject ci --json | jq -r .expires

The key is the one that the farm's functions have as FARM_TOKEN_KEY. A token cannot be taken back before it expires, \
except by changing the key.")]
pub struct Args {
    /// File that holds the key of tokens
    #[arg(long, value_name = "KEY")]
    key_file: PathBuf,
    /// Who will be speaking
    #[arg(long, value_name = "NAME")]
    subject: String,
    /// How long the token is good: 90s, 10m, 12h, 30d
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = lifetime)]
    expires: Duration,
    /// One line of JSON with the token, for whom it is and until when
    #[arg(long)]
    json: bool,
}

/// The line of `--json`.
#[derive(Debug, Serialize)]
struct Minted<'a> {
    token: &'a str,
    subject: &'a str,
    expires: Timestamp,
}

/// Prints a token, and says beside it for whom and how long.
///
/// # Errors
/// There is no key, or the subject breaks its rule.
pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let key = read_key(&args.key_file)?;
    let expires = after(session.clock.now(), args.expires)?;
    let minted = token::mint(key.as_bytes(), &args.subject, expires)?;
    if args.json {
        let line = Minted {
            token: &minted,
            subject: &args.subject,
            expires,
        };
        session.print(&serde_json::to_string(&line)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    session.print(&minted)?;
    let day = expires.strftime("%Y-%m-%d %H:%M UTC");
    session.note(&format!("for {}, until {day}", args.subject));
    Ok(ExitCode::SUCCESS)
}

/// The key in the file. White space around it is no part of it: the functions read it the same way.
///
/// # Errors
/// It cannot be read, or is empty.
pub fn read_key(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the key in {}", path.display()))?;
    match text.trim() {
        "" => bail!("the key in {} is empty", path.display()),
        key => Ok(key.to_owned()),
    }
}

/// The moment `time` after `now`.
///
/// # Errors
/// It lies beyond what can be written.
pub fn after(now: Timestamp, time: Duration) -> anyhow::Result<Timestamp> {
    let time = SignedDuration::try_from(time)?;
    now.checked_add(time).context("that is too far away")
}

/// As in `farm.toml`, and days.
fn lifetime(text: &str) -> Result<Duration, String> {
    let days = text
        .strip_suffix('d')
        .filter(|days| !days.is_empty() && days.bytes().all(|digit| digit.is_ascii_digit()));
    let seconds = match days {
        Some(days) => days
            .parse::<u64>()
            .ok()
            .and_then(|days| days.checked_mul(DAY)),
        None => parse_seconds(text).ok(),
    };
    match seconds {
        Some(seconds @ 1..=LONGEST) => Ok(Duration::from_secs(seconds)),
        Some(_) => Err("it must be between 1s and 366d".to_owned()),
        None => Err("write a number and s, m, h or d, as in 30d".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_unit_and_an_end() {
        assert_eq!(lifetime("30d"), Ok(Duration::from_secs(30 * DAY)));
        assert_eq!(lifetime("90s"), Ok(Duration::from_secs(90)));
        for bad in [
            "",
            "d",
            "30",
            "-1d",
            "0s",
            "367d",
            "1w",
            "99999999999999999999d",
        ] {
            assert!(lifetime(bad).is_err(), "{bad:?}");
        }
    }
}
