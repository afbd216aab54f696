//! `[hosts.NAME.pool]`: who makes machines of a host type.

use super::values::{MANY, labels, number, seconds};
use crate::config::HostPool;
use crate::config::parse::{Findings, Table};
use crate::id::PoolName;

const IDLE: u64 = 5 * 60;
const LIVE: u64 = 4 * 3600;
const LAST: u64 = 2 * 3600;
/// A farm may well do without machines for a while.
const FEWEST: u32 = 0;

/// Takes `pool` of a host, of which it is said or not what its machines are made of; none where it is not as it has to be.
pub(super) fn pool(
    host: &mut Table<'_>,
    made: bool,
    findings: &mut Findings<'_>,
) -> Option<HostPool> {
    let what = host.what.clone();
    let mut table = host.table("pool", findings)?;
    let at = table.at;
    if !made {
        let message = format!(
            "pool of {what} counts only with vm or container, which say what its machines are made of"
        );
        findings.add(at, message);
    }
    let pool = pool_of(&mut table, findings);
    table.finish(findings);
    pool
}

fn pool_of(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<HostPool> {
    let name = name(table, findings);
    let most = most(table, findings);
    let fewest_at = table.place("fewest");
    let fewest = number(table, "fewest", 0..=10_000, findings).unwrap_or(FEWEST);
    if let (Some(most), Some(at)) = (most, fewest_at)
        && fewest > most
    {
        let message = format!(
            "fewest of {} must be at most {most}, as many as there may be",
            table.what
        );
        findings.add(at, message);
    }
    let mut time = |key, usual| seconds(table, key, findings).unwrap_or(usual);
    let (idle_seconds, live_seconds, last_seconds) =
        (time("idle", IDLE), time("live", LIVE), time("last", LAST));
    Some(HostPool {
        spot: table.flag("spot", findings).unwrap_or(false),
        labels: labels(table, findings),
        name: name?,
        most: most?,
        fewest,
        idle_seconds,
        live_seconds,
        last_seconds,
    })
}

fn name(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<PoolName> {
    let Some((at, text)) = table.text("name", findings) else {
        let message = format!("{} has no name: add name = \"vms\"", table.what);
        findings.add(table.at, message);
        return None;
    };
    text.parse()
        .map_err(|error: crate::id::IdError| findings.add(at, error.to_string()))
        .ok()
}

fn most(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<u32> {
    if table.place("most").is_none() {
        let message = format!("{} has no most: add most = 10", table.what);
        findings.add(table.at, message);
    }
    number(table, "most", MANY, findings)
}
