//! `farm dead-letters`: what nobody could use, sent again or dropped. An operator's: it speaks to the queues themselves.

mod place;

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::bail;
use farm_bus::{Bus, DeadLetter, Sentence};
use farm_model::event::Topic;
use serde::Serialize;

use self::place::PlaceArgs;
use crate::session::Session;
use crate::text::{counted, cut, plain};

/// Letters that are looked at in one go.
const MOST: u32 = 1000;
/// Looks that `--all` takes at most.
const LOOKS: u32 = 100;
/// Of a payload, in characters; `--json` has all.
const PAYLOAD: usize = 300;
/// Where the coordinator's lie; hubs have their own, `work-<hub>`.
const USUAL: [&str; 3] = [
    "activity-coordinator",
    "commands-coordinator",
    "progress-coordinator",
];

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm dead-letters                                    what lies in the coordinator's
  farm dead-letters list work-h1 --json | jq -r .reason
  farm dead-letters redeliver activity-coordinator --all
  farm dead-letters drop commands-coordinator --id 1234 --id 1235

A message lies there with the reason: it could not be read, or was delivered too often. Redelivering publishes it once more on \
its topic, for everybody who listens: the same event twice is that event once. Dropping is for good.
Exit code: 0 done, 1 a letter that was named is not there, 3 the queues could not be asked.")]
pub struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Show dead letters with their payload [the default]
    List(ListArgs),
    /// Publish dead letters once more
    Redeliver(SettleArgs),
    /// Throw dead letters away
    Drop(SettleArgs),
}

#[derive(Debug, Clone, Default, clap::Args)]
struct ListArgs {
    /// Subscriptions [default: the coordinator's]
    #[arg(value_name = "SUBSCRIPTION")]
    subscriptions: Vec<String>,
    /// One line of JSON a letter
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, clap::Args)]
struct SettleArgs {
    /// The subscription
    #[arg(value_name = "SUBSCRIPTION")]
    subscription: String,
    /// A letter, by the id that `list` shows; may be repeated
    #[arg(long = "id", value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All letters of the subscription
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// One line of JSON a letter
    #[arg(long)]
    json: bool,
}

/// What is done with the letters that are meant.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Redeliver,
    Drop,
}

/// A line of `--json`.
#[derive(Debug, Serialize)]
struct Line<'a> {
    subscription: &'a str,
    id: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a farm_model::event::Event>,
    data: &'a str,
    done: &'static str,
}

/// Looks, sends again, or drops.
///
/// # Errors
/// There is no such subscription, or the queues do not answer.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let bus = args.place.open()?;
    match &args.command {
        None => list(&bus, &ListArgs::default(), session).await,
        Some(Command::List(args)) => list(&bus, args, session).await,
        Some(Command::Redeliver(args)) => settle(&bus, args, Deed::Redeliver, session).await,
        Some(Command::Drop(args)) => settle(&bus, args, Deed::Drop, session).await,
    }
}

async fn list(bus: &Bus, args: &ListArgs, session: &mut Session) -> anyhow::Result<ExitCode> {
    let named: Vec<&str> = args.subscriptions.iter().map(String::as_str).collect();
    let wanted = if named.is_empty() { &USUAL[..] } else { &named };
    let mut count = 0;
    for subscription in wanted {
        for letter in bus.dead_letters(subscription, MOST).await? {
            count += 1;
            session.print(&line(subscription, &letter, "stays", args.json)?)?;
        }
    }
    if !args.json {
        session.note(&counted(count, "dead letter", "dead letters"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn settle(
    bus: &Bus,
    args: &SettleArgs,
    deed: Deed,
    session: &mut Session,
) -> anyhow::Result<ExitCode> {
    let (sentence, done) = match deed {
        Deed::Redeliver => (
            Sentence::Redeliver(topic_of(&args.subscription)?),
            "redelivered",
        ),
        Deed::Drop => (Sentence::Drop, "dropped"),
    };
    let mut missing: BTreeSet<&str> = args.ids.iter().map(String::as_str).collect();
    let mut done_before = BTreeSet::new();
    for look in 1.. {
        let judge = |letter: &DeadLetter| {
            let meant = args.all && !done_before.contains(&matter(letter));
            match meant || args.ids.contains(&letter.id) {
                true => sentence,
                false => Sentence::Stay,
            }
        };
        let seen = bus.settle_dead(&args.subscription, MOST, &judge).await?;
        let settled = seen.iter().filter(|(_, what)| *what == sentence);
        let settled: Vec<&DeadLetter> = settled.map(|(letter, _)| letter).collect();
        for letter in &settled {
            missing.remove(letter.id.as_str());
            session.print(&line(&args.subscription, letter, done, args.json)?)?;
        }
        if !args.all || seen.len() < MOST as usize || settled.is_empty() {
            break;
        }
        if look == LOOKS {
            session.note("there may be more: say it again");
            break;
        }
        if matches!(deed, Deed::Redeliver) {
            done_before.extend(settled.into_iter().map(matter));
        }
    }
    for id in &missing {
        session.note(&format!(
            "there is no dead letter {id} in {}",
            args.subscription
        ));
    }
    Ok(if missing.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a letter is about. One that was redelivered and died again is not sent for ever.
fn matter(letter: &DeadLetter) -> String {
    match &letter.event {
        Ok(event) => event.id.clone(),
        Err(_) => letter.data.clone(),
    }
}

fn line(
    subscription: &str,
    letter: &DeadLetter,
    done: &'static str,
    json: bool,
) -> anyhow::Result<String> {
    if json {
        return Ok(serde_json::to_string(&Line {
            subscription,
            id: &letter.id,
            reason: &letter.reason,
            event: letter.event.as_ref().ok(),
            data: &letter.data,
            done,
        })?);
    }
    let event = match &letter.event {
        Ok(event) => format!(
            "{} {} of {}",
            plain(&event.kind),
            plain(&event.id),
            event.time
        ),
        Err(why) => format!("no event: {}", plain(why)),
    };
    Ok(format!(
        "{subscription} {} {done}: {}\n  {event}\n  {}",
        plain(&letter.id),
        plain(&letter.reason),
        cut(&plain(&letter.data), PAYLOAD),
    ))
}

/// Subscriptions are named after their topic: `activity-coordinator`, `work-h1`.
fn topic_of(subscription: &str) -> anyhow::Result<Topic> {
    let of = |topic: &Topic| {
        let rest = subscription.strip_prefix(topic.name());
        rest.is_some_and(|rest| rest.starts_with('-'))
    };
    match Topic::ALL.into_iter().find(of) {
        Some(topic) => Ok(topic),
        None => bail!(
            "{subscription} does not begin with a topic's name: subscriptions are named {}",
            Topic::ALL.map(|topic| format!("{topic}-…")).join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_tells_its_topic() {
        assert_eq!(topic_of("activity-coordinator").unwrap(), Topic::Activity);
        assert_eq!(topic_of("work-h1").unwrap(), Topic::Work);
        for wrong in ["activity", "workers", "dead-work-h1"] {
            assert!(topic_of(wrong).is_err(), "{wrong}");
        }
    }
}
