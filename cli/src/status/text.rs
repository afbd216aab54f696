//! The state of the farm, as lines.

use farm_model::Timestamp;
use farm_model::view::{FarmStatus, QueueStatus, StatusView, SubscriptionStatus, SweepStatus};

use crate::text::{Tone, age, columns, counted, cut, paint, plain};

/// Rows of a table; `--json` has all.
const ROWS: usize = 40;
/// Days of deliveries.
const DAYS: usize = 4;
/// Of a reason, in characters.
const REASON: usize = 80;

/// Everything, in sections.
pub fn render(view: &StatusView, away: bool, now: Timestamp, colours: bool) -> String {
    let mut sections = vec![summary(view, away, now, colours)];
    let tables = [
        queues(&view.farm.queues, now),
        hubs(&view.farm, now),
        subscriptions(&view.subscriptions, now),
        intake(&view.farm),
    ];
    // A table of a head alone says nothing.
    for table in tables.iter().filter(|table| table.len() > 1) {
        let mut lines = columns(&table[..table.len().min(ROWS + 1)]);
        lines[0] = paint(colours, Tone::Quiet, &lines[0]);
        if let more @ 1.. = table.len().saturating_sub(ROWS + 1) {
            lines.push(format!("and {more} more"));
        }
        sections.push(lines.join("\n"));
    }
    sections.join("\n\n")
}

fn summary(view: &StatusView, away: bool, now: Timestamp, colours: bool) -> String {
    let (farm, coordinator) = (&view.farm, &view.coordinator);
    let told = format!("told {} ago", since(farm.made, now));
    let told = if away {
        paint(
            colours,
            Tone::Bad,
            &format!("{told}: the coordinator is away"),
        )
    } else {
        told
    };
    let mut lines = vec![format!(
        "{}: {} in epoch {} for {}, version {}; {told}",
        plain(&farm.name),
        coordinator.role.as_str(),
        coordinator.epoch,
        since(coordinator.since, now),
        plain(&coordinator.version),
    )];
    let queued = farm.open.saturating_sub(farm.running);
    lines.push(format!(
        "{} open: {} running, {queued} queued; {}",
        counted(farm.open, "build", "builds"),
        farm.running,
        machines(farm),
    ));
    let oldest = coordinator
        .outbox_oldest
        .map_or_else(String::new, |oldest| {
            format!(", oldest {}", since(oldest, now))
        });
    lines.push(format!(
        "{} to tell{oldest}; {} to write; commits p50 {:.1} ms, p99 {:.1} ms",
        counted(coordinator.outbox, "event", "events"),
        counted(coordinator.dirty_views, "page", "pages"),
        coordinator.commits.p50_milliseconds,
        coordinator.commits.p99_milliseconds,
    ));
    lines.extend(coordinator.sweep.as_ref().map(|sweep| swept(sweep, now)));
    for trouble in &farm.troubles {
        let text = format!("trouble: {}", plain(trouble));
        lines.push(paint(colours, Tone::Bad, &text));
    }
    lines.join("\n")
}

/// What was removed from the bucket because it was old.
fn swept(sweep: &SweepStatus, now: Timestamp) -> String {
    let areas = sweep.areas.iter().map(|of| {
        let megabytes = of.bytes / 1_000_000;
        format!("{} of {}/ ({megabytes} MB)", of.objects, plain(&of.area))
    });
    let areas: Vec<String> = areas.collect();
    let removed = match areas.is_empty() {
        true => "nothing".to_owned(),
        false => areas.join(", "),
    };
    let failed = sweep.error.as_ref().map_or("", |_| ", broke off");
    format!(
        "removed from the bucket: {removed}; looked {} ago{failed}",
        since(sweep.at, now)
    )
}

fn machines(farm: &FarmStatus) -> String {
    let counts = &farm.machines;
    let total = counts.idle + counts.busy + counts.held + counts.aside + counts.draining;
    let named = [
        ("busy", counts.busy),
        ("idle", counts.idle),
        ("held", counts.held),
        ("aside", counts.aside),
        ("draining", counts.draining),
        ("away", counts.away),
    ];
    let parts: Vec<String> = named
        .iter()
        .filter(|(name, count)| *count > 0 || *name == "busy")
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    format!(
        "{}: {}",
        counted(total, "machine", "machines"),
        parts.join(", ")
    )
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Those where somebody waits first, and the longest.
fn queues(queues: &[QueueStatus], now: Timestamp) -> Vec<Vec<String>> {
    let mut sorted: Vec<&QueueStatus> = queues.iter().collect();
    sorted.sort_by_key(|queue| queue.oldest.unwrap_or(Timestamp::MAX));
    let names = [
        "host type",
        "waiting",
        "pausing",
        "longest wait",
        "machines",
        "busy",
    ];
    let rows = sorted.into_iter().map(|queue| {
        vec![
            queue.host_type.to_string(),
            queue.waiting.to_string(),
            queue.pausing.to_string(),
            queue
                .oldest
                .map_or_else(|| "-".to_owned(), |oldest| since(oldest, now)),
            queue.machines.to_string(),
            queue.busy.to_string(),
        ]
    });
    std::iter::once(head(&names)).chain(rows).collect()
}

fn hubs(farm: &FarmStatus, now: Timestamp) -> Vec<Vec<String>> {
    let rows = farm.hubs.iter().map(|hub| {
        let state = if hub.draining {
            "draining"
        } else {
            "taking work"
        };
        vec![
            hub.hub.to_string(),
            state.to_owned(),
            format!("{} ago", since(hub.heard, now)),
            hub.machines.to_string(),
            hub.session.to_string(),
        ]
    });
    let names = ["hub", "state", "heard", "machines", "session"];
    std::iter::once(head(&names)).chain(rows).collect()
}

fn subscriptions(all: &[SubscriptionStatus], now: Timestamp) -> Vec<Vec<String>> {
    let rows = all.iter().map(|one| {
        let none = || "-".to_owned();
        let reason = one.dead.as_ref().and_then(|dead| dead.reason.as_deref());
        vec![
            plain(&one.name),
            one.heard
                .map_or_else(none, |heard| format!("{} ago", since(heard, now))),
            one.lag_seconds
                .map_or_else(none, |lag| format!("{lag:.2} s")),
            one.dead
                .as_ref()
                .map_or_else(none, |dead| dead.count.to_string()),
            cut(&plain(reason.unwrap_or_default()), REASON),
        ]
    });
    let names = ["subscription", "last message", "lag", "dead letters", "why"];
    std::iter::once(head(&names)).chain(rows).collect()
}

fn intake(farm: &FarmStatus) -> Vec<Vec<String>> {
    let rows = farm.intake.iter().take(DAYS).map(|row| {
        let counts = [
            row.accepted,
            row.effective,
            row.repeated,
            row.refused,
            row.found,
        ];
        let names = [plain(&row.day), plain(&row.source)];
        let counts = counts.iter().map(ToString::to_string);
        names.into_iter().chain(counts).collect()
    });
    let names = [
        "deliveries",
        "source",
        "accepted",
        "effective",
        "repeated",
        "refused",
        "found later",
    ];
    std::iter::once(head(&names)).chain(rows).collect()
}

fn since(then: Timestamp, now: Timestamp) -> String {
    age(now.duration_since(then).as_secs())
}
