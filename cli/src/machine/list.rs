//! `farm machine list`: what is recorded, joined with what is connected.

use std::collections::BTreeMap;
use std::process::ExitCode;

use farm_model::id::{HostType, MachineName};
use farm_model::machine::MachineRecord;
use farm_model::view::{FarmView, MachineView};
use jiff::Timestamp;
use serde::Serialize;

use super::place::PlaceArgs;
use crate::server::ServerArgs;
use crate::session::Session;
use crate::text::{Tone, age, paint, plain};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  farm machine list
  farm machine list --bucket gs://my-farm --server https://farm.example.org
  farm machine list --json | jq -r '.[] | select(.state == \"offline\") | .name'

Connected machines are those of the farm's pages. A machine with a key of `farm mint-key`, and one of `farm up` itself, is \
connected without a record.")]
pub struct Args {
    /// One line of JSON, an array, instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Where a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Connected, and idle.
    Online,
    /// Connected, and at work.
    Busy,
    /// Not connected.
    Offline,
    /// No key is good for it.
    Revoked,
    /// The farm's pages could not be asked.
    Unknown,
}

/// A line of the table.
#[derive(Debug, Serialize)]
struct Row<'a> {
    name: String,
    host_type: &'a HostType,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    hub: Option<&'a str>,
    /// When its hub last spoke of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Timestamp>,
    /// Since when it is offline, where the coordinator knows: of machines that have an owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a MachineRecord>,
}

/// Shows machines.
///
/// # Errors
/// The bucket is not found. Pages that do not answer are a note: what is recorded is shown all the same.
pub async fn run(args: &Args, session: &mut Session) -> anyhow::Result<ExitCode> {
    let records = args.place.open()?.all().await?;
    let farm = match args.server.open()?.farm().await {
        Ok(farm) => Some(farm),
        Err(error) => {
            let why = plain(&error.to_string());
            session.note(&format!("which machines are connected is not known: {why}"));
            None
        }
    };
    let rows = rows(&records, farm.as_ref());
    let said = if args.json {
        serde_json::to_string(&rows)?
    } else if rows.is_empty() {
        "no machine is recorded or connected: `farm machine add NAME --host-type TYPE`".to_owned()
    } else {
        table(&rows, session.clock.now(), session.colours)
    };
    session.print(&said)?;
    Ok(ExitCode::SUCCESS)
}

/// Recorded machines by name, then the others that are connected.
fn rows<'a>(records: &'a [MachineRecord], farm: Option<&'a FarmView>) -> Vec<Row<'a>> {
    let connected = farm.map_or(&[][..], |farm| &farm.machines);
    let mut by_name: BTreeMap<MachineName, Vec<&MachineView>> = BTreeMap::new();
    for view in connected {
        if let Some(name) = view.machine.name() {
            by_name.entry(name).or_default().push(view);
        }
    }
    let mut rows = Vec::new();
    for record in records {
        let views = by_name.remove(&record.name).unwrap_or_default();
        if views.is_empty() {
            rows.push(Row::away(record, farm));
        }
        // One that changed hubs may be seen on both for a moment.
        rows.extend(views.into_iter().map(|view| Row::of(view, Some(record))));
    }
    let unrecorded = connected.iter().filter(|view| {
        let name = view.machine.name();
        name.is_none_or(|name| by_name.contains_key(&name))
    });
    rows.extend(unrecorded.map(|view| Row::of(view, None)));
    rows
}

impl<'a> Row<'a> {
    fn away(record: &'a MachineRecord, farm: Option<&FarmView>) -> Self {
        let state = match (record.revoked_at, farm) {
            (Some(_), _) => State::Revoked,
            (None, Some(_)) => State::Offline,
            (None, None) => State::Unknown,
        };
        let mut away = farm.into_iter().flat_map(|farm| &farm.away);
        let away = away.find(|view| view.name == record.name);
        Self {
            name: record.name.to_string(),
            host_type: &record.host_type,
            state,
            hub: None,
            seen: None,
            since: away.map(|view| view.since),
            record: Some(record),
        }
    }

    fn of(view: &'a MachineView, record: Option<&'a MachineRecord>) -> Self {
        let id = view.machine.as_str();
        let (hub, name) = id.split_once('/').unwrap_or(("", id));
        let state = match (record.and_then(|record| record.revoked_at), &view.busy) {
            (Some(_), _) => State::Revoked,
            (None, Some(_)) => State::Busy,
            (None, None) => State::Online,
        };
        Self {
            name: name.to_owned(),
            host_type: &view.host_type,
            state,
            hub: Some(hub),
            seen: Some(view.seen),
            since: None,
            record,
        }
    }

    fn cells(&self, now: Timestamp) -> [String; 6] {
        let none = || "-".to_owned();
        let owner = self.record.and_then(|record| record.owner.as_deref());
        [
            plain(&self.name),
            self.host_type.to_string(),
            self.where_it_is(now),
            owner.map_or_else(none, plain),
            self.record
                .map_or_else(none, |record| record.key_id.clone()),
            self.record.map_or_else(none, |record| ends(record, now)),
        ]
    }

    fn where_it_is(&self, now: Timestamp) -> String {
        let since = |at: Timestamp| age(now.duration_since(at).as_secs());
        match (self.state, self.hub) {
            (State::Online, Some(hub)) => format!("online on {hub}"),
            (State::Busy, Some(hub)) => format!("busy on {hub}"),
            (State::Revoked, _) => {
                let at = self.record.and_then(|record| record.revoked_at);
                let ago = at.map(|at| format!(" {} ago", since(at)));
                format!("revoked{}", ago.unwrap_or_default())
            }
            (State::Unknown, _) => "unknown".to_owned(),
            _ => match self.since {
                Some(at) => format!("offline for {}", since(at)),
                None => "offline".to_owned(),
            },
        }
    }

    fn tone(&self, now: Timestamp) -> Tone {
        let ended = self.record.is_some_and(|record| record.expires <= now);
        match self.state {
            State::Revoked => Tone::Quiet,
            _ if ended => Tone::Bad,
            State::Online | State::Busy => Tone::Good,
            State::Offline => Tone::Bad,
            State::Unknown => Tone::Odd,
        }
    }
}

fn ends(record: &MachineRecord, now: Timestamp) -> String {
    let left = record.expires.duration_since(now).as_secs();
    if left > 0 {
        format!("in {}", age(left))
    } else {
        format!("{} ago", age(-left))
    }
}

fn table(rows: &[Row<'_>], now: Timestamp, colours: bool) -> String {
    let head = ["NAME", "TYPE", "STATE", "OWNER", "KEY", "EXPIRES"].map(str::to_owned);
    let cells: Vec<[String; 6]> = rows.iter().map(|row| row.cells(now)).collect();
    let width = |column: usize| {
        let all = std::iter::once(&head).chain(&cells);
        all.map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String; 6]| {
        let padded = row.iter().zip(&widths);
        let padded: Vec<String> = padded
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![paint(colours, Tone::Quiet, &line(&head))];
    let tones = rows.iter().map(|row| row.tone(now));
    lines.extend(
        cells
            .iter()
            .zip(tones)
            .map(|(row, tone)| paint(colours, tone, &line(row))),
    );
    lines.join("\n")
}
