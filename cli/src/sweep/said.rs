//! What would go, as a table and as JSON.

use coordinator::{Area, Limit, Prospect, Tally};
use farm_model::Timestamp;
use farm_model::keep::KeepDays;
use serde::Serialize;

use crate::text::{Tone, bytes, columns, counted, paint, plain};

const HEAD: [&str; 7] = [
    "prefix",
    "objects",
    "size",
    "would go",
    "size",
    "oldest that stays",
    "goes",
];

/// The whole bucket.
#[derive(Debug, Serialize)]
pub struct Outlook {
    /// As of when.
    at: Timestamp,
    bucket: String,
    /// The days that were counted with.
    keep: KeepDays,
    pub areas: Vec<Part>,
    /// What would go of all areas.
    old: Size,
}

/// A part of the bucket.
#[derive(Debug, Serialize)]
pub struct Part {
    area: &'static str,
    /// The coordinator's option that rules it; none where its days are always the same.
    setting: Option<&'static str>,
    /// How old things become there at most; none: they are kept for ever, and nobody looked.
    days: Option<i64>,
    /// What tells of a time before this would go, unless something refers to it.
    before: Option<Timestamp>,
    /// All that lies there.
    there: Size,
    /// What of it would go.
    old: Size,
    /// The last moment that the oldest of what stays tells of.
    oldest_that_stays: Option<Timestamp>,
    /// Why the look broke off.
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Size {
    objects: u64,
    bytes: u64,
}

impl From<Tally> for Size {
    fn from(Tally { objects, bytes }: Tally) -> Self {
        Self { objects, bytes }
    }
}

impl Outlook {
    /// Of what a dry run found.
    pub fn new(at: Timestamp, bucket: &str, keep: KeepDays, found: Vec<Prospect>) -> Self {
        let areas: Vec<Part> = found.into_iter().map(|of| part(of, &keep)).collect();
        let old = Size {
            objects: areas.iter().map(|of| of.old.objects).sum(),
            bytes: areas.iter().map(|of| of.old.bytes).sum(),
        };
        Self {
            at,
            bucket: bucket.to_owned(),
            keep,
            areas,
            old,
        }
    }
}

fn part(Prospect { area, looked }: Prospect, keep: &KeepDays) -> Part {
    let Limit { age, setting } = area.limit(keep);
    let error = looked.as_ref().err().map(|error| format!("{error:#}"));
    let looked = looked.unwrap_or_default();
    Part {
        area: area.prefix(),
        setting,
        days: age.map(|age| age.as_hours() / 24),
        before: looked.before,
        there: looked.there.into(),
        old: looked.old.into(),
        oldest_that_stays: looked.oldest,
        error,
    }
}

/// A table, and what comes of it.
pub fn text(outlook: &Outlook, colours: bool) -> String {
    let head = HEAD.map(str::to_owned).to_vec();
    let rows = outlook.areas.iter().map(row);
    let table: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let mut lines = columns(&table);
    lines[0] = paint(colours, Tone::Quiet, &lines[0]);
    for part in &outlook.areas {
        if let Some(error) = &part.error {
            let text = format!("cannot look through {}/: {}", part.area, plain(error));
            lines.push(paint(colours, Tone::Bad, &text));
        }
    }
    lines.push(String::new());
    lines.push(total(outlook));
    lines.join("\n")
}

fn row(part: &Part) -> Vec<String> {
    let name = format!("{}/", part.area);
    let rule = rule(part);
    let unknown = || "-".to_owned();
    // Of what nobody looked at, or not to the end, no number says anything.
    if part.before.is_none() {
        let none = std::iter::repeat_with(unknown).take(HEAD.len() - 2);
        return std::iter::once(name).chain(none).chain([rule]).collect();
    }
    let oldest = part.oldest_that_stays;
    vec![
        name,
        part.there.objects.to_string(),
        bytes(part.there.bytes),
        part.old.objects.to_string(),
        bytes(part.old.bytes),
        oldest.map_or_else(unknown, |at| at.strftime("%Y-%m-%d %H:%M").to_string()),
        rule,
    ]
}

/// When something goes, and what says so.
fn rule(part: &Part) -> String {
    let setting = part.setting.map(|setting| match part.days {
        Some(days) => format!(" ({setting} {days})"),
        None => format!(" ({setting} 0)"),
    });
    let when = match part.days {
        Some(days) => format!("after {days} days"),
        None => "never".to_owned(),
    };
    let wanted = match part.area == Area::Blobs.prefix() {
        true => ", if nothing refers to it",
        false => "",
    };
    format!("{when}{wanted}{}", setting.unwrap_or_default())
}

fn total(outlook: &Outlook) -> String {
    let Size {
        objects,
        bytes: size,
    } = outlook.old;
    let known = match outlook.areas.iter().any(|part| part.error.is_some()) {
        true => ", of what could be looked through",
        false => "",
    };
    match usize::try_from(objects).unwrap_or(usize::MAX) {
        0 => format!("nothing would go{known}"),
        count => format!(
            "{}, {}, would go{known}; nothing was removed",
            counted(count, "object", "objects"),
            bytes(size)
        ),
    }
}
