//! Machines by host type and what each does, those that are away, and hubs.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use farm_model::view::{HubStatus, MachineStanding, MachineView, MachinesAnswer, key};

use super::Dashboard;
use super::api::nothing_yet;
use super::cells::Badge;
use super::links;
use super::ordered::Ordered;
use super::problem::Refused;
use super::shell::{Section, Shell};
use super::text::Moment;
use super::trouble::Trouble;

/// Machines of one host type that the page shows: those that are not idle first.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "machines.html")]
struct Page {
    shell: Shell,
    count: usize,
    hosts: Vec<Host>,
    /// None where the farm makes none.
    ordered: Option<Ordered>,
    away: Vec<Away>,
    hubs: Option<Vec<Hub>>,
}

/// Machines of one host type.
struct Host {
    name: String,
    queue: String,
    /// `2 busy, 1 idle`.
    counts: String,
    count: usize,
    machines: Vec<Machine>,
}

struct Machine {
    name: String,
    badge: Badge,
    /// The build and job that it works on, or is kept for.
    work: Option<(String, String)>,
    why: String,
    until: Option<Moment>,
    seen: Moment,
}

struct Away {
    name: String,
    since: Moment,
}

struct Hub {
    name: String,
    badge: Badge,
    heard: Moment,
    machines: usize,
}

async fn all(dashboard: &Dashboard) -> Result<MachinesAnswer, Trouble> {
    let farm = dashboard.farm.get(key::FARM).await?;
    let farm = &farm.ok_or_else(nothing_yet)?.view;
    let status = dashboard.status.get(key::STATUS).await?;
    let status = status.as_ref().map(|status| &status.view.farm);
    let pools = dashboard.pools.get(key::POOLS).await?;
    let pools = pools.as_ref().map(|pools| &pools.view);
    let mut machines = farm.machines.clone();
    machines.sort_by(|a, b| (&a.host_type, &a.machine).cmp(&(&b.host_type, &b.machine)));
    Ok(MachinesAnswer {
        made: [status.map(|of| of.made), pools.map(|of| of.made)]
            .into_iter()
            .flatten()
            .fold(farm.made, Ord::max),
        ordered: pools.map(|pools| pools.orders.clone()),
        machines,
        away: farm.away.clone(),
        hubs: status.map(|status| status.hubs.clone()),
    })
}

pub(super) async fn json(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Refused> {
    Ok(axum::Json(all(&dashboard).await?).into_response())
}

pub(super) async fn page(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Trouble> {
    let all = all(&dashboard).await?;
    let mut hosts = BTreeMap::<_, Vec<&MachineView>>::new();
    for machine in &all.machines {
        hosts.entry(&machine.host_type).or_default().push(machine);
    }
    let hosts = hosts.into_iter();
    let page = Page {
        shell: Shell::new("Machines", &dashboard.name().await?, Some(all.made))
            .on(Section::Machines),
        count: all.machines.len(),
        hosts: hosts.map(|(name, machines)| host(name, machines)).collect(),
        ordered: all.ordered.as_deref().map(Ordered::of),
        away: all
            .away
            .iter()
            .map(|of| Away {
                name: of.name.to_string(),
                since: Moment(of.since),
            })
            .collect(),
        hubs: all.hubs.map(|hubs| hubs.iter().map(hub).collect()),
    };
    Ok(Html(page.render()?).into_response())
}

fn host(name: &farm_model::id::HostType, mut machines: Vec<&MachineView>) -> Host {
    let mut counts = BTreeMap::<&str, usize>::new();
    for machine in &machines {
        *counts.entry(badge(standing(machine)).word).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    machines.sort_by_key(|machine| standing(machine) == MachineStanding::Idle);
    Host {
        name: name.to_string(),
        queue: links::queue(name),
        counts: counts.join(", "),
        count: machines.len(),
        machines: machines.into_iter().take(SHOWN).map(machine).collect(),
    }
}

fn machine(of: &MachineView) -> Machine {
    let aside = of.aside.as_ref();
    Machine {
        name: of.machine.to_string(),
        badge: badge(standing(of)),
        work: of
            .busy
            .as_ref()
            .map(|busy| (busy.build.to_string(), busy.job.to_string())),
        why: aside.map_or_else(
            || meaning(standing(of)).to_owned(),
            |aside| aside.why.clone(),
        ),
        until: aside.and_then(|aside| aside.until).map(Moment),
        seen: Moment(of.seen),
    }
}

/// Of a coordinator that does not tell, what its other words mean.
fn standing(of: &MachineView) -> MachineStanding {
    of.standing.unwrap_or(match (&of.busy, &of.aside) {
        (Some(_), _) => MachineStanding::Busy,
        (None, Some(_)) => MachineStanding::Aside,
        (None, None) => MachineStanding::Idle,
    })
}

fn badge(standing: MachineStanding) -> Badge {
    let (class, symbol, word) = match standing {
        MachineStanding::Idle => ("idle", "\u{25cb}", "idle"),
        MachineStanding::Busy => ("running", "\u{25b8}", "busy"),
        MachineStanding::Held => ("queued", "\u{25d0}", "held"),
        MachineStanding::Unproved => ("lost", "?", "canary"),
        MachineStanding::Suspect => ("lost", "!", "suspect"),
        MachineStanding::HubDraining => ("queued", "\u{21d3}", "hub stops"),
        MachineStanding::Drained => ("queued", "\u{2193}", "drained"),
        MachineStanding::Aside => ("lost", "!", "aside"),
    };
    Badge {
        class,
        symbol,
        word,
    }
}

/// What a word that needs it means.
fn meaning(standing: MachineStanding) -> &'static str {
    match standing {
        MachineStanding::Held => "kept as it is for the next job of a run",
        MachineStanding::Unproved => "has yet to prove itself with a known job",
        MachineStanding::Suspect => {
            "its hub would not take work for it, and has not spoken of it since"
        }
        MachineStanding::HubDraining => "its hub takes no new work",
        MachineStanding::Idle
        | MachineStanding::Busy
        | MachineStanding::Drained
        | MachineStanding::Aside => "",
    }
}

fn hub(of: &HubStatus) -> Hub {
    let (class, symbol, word) = match of.draining {
        true => ("queued", "\u{2193}", "drains"),
        false => ("ok", "\u{2713}", "takes work"),
    };
    Hub {
        name: of.hub.to_string(),
        badge: Badge {
            class,
            symbol,
            word,
        },
        heard: Moment(of.heard),
        machines: of.machines,
    }
}
