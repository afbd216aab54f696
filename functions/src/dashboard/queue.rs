//! What waits for machines: the queues of all host types, and one of them in order.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use farm_model::id::HostType;
use farm_model::view::{QueueEntry, QueueStatus, QueueView, QueuesAnswer, key};

use super::Dashboard;
use super::links;
use super::problem::Refused;
use super::shell::{Section, Shell};
use super::text::{Moment, seconds};
use super::trouble::Trouble;
use super::views::Document;
use super::waits::Waits;

/// Jobs of a queue that the page shows.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "queues.html")]
struct Queues {
    shell: Shell,
    queues: Vec<Line>,
}

/// A host type.
struct Line {
    page: String,
    host: String,
    waiting: usize,
    pausing: usize,
    oldest: Option<Moment>,
    busy: usize,
    machines: usize,
}

#[derive(Template)]
#[template(path = "queue.html")]
struct Queue<'a> {
    shell: Shell,
    view: &'a QueueView,
    waiting: usize,
    entries: Vec<Entry>,
}

/// A job that waits.
struct Entry {
    place: usize,
    builder: String,
    page: String,
    build: String,
    job: String,
    run: u32,
    class: String,
    since: Moment,
    start: Option<Moment>,
    usual: String,
    due: Moment,
    why: String,
}

/// The document of the queue of this host type.
pub(super) async fn load(
    dashboard: &Dashboard,
    host: &str,
) -> Result<Arc<Document<QueueView>>, Trouble> {
    let shown: String = host.chars().take(100).collect();
    let missing = || {
        Trouble::Missing(format!(
            "Nothing is known of a queue for the host type {shown}: no machine of it has come and no job waited for one, \
             or the coordinator's version does not tell. /queue lists those that there are."
        ))
    };
    let key = key::queue(&host.parse::<HostType>().map_err(|_| missing())?);
    dashboard.queues.get(&key).await?.ok_or_else(missing)
}

pub(super) async fn page(
    State(dashboard): State<Arc<Dashboard>>,
    Path(host): Path<String>,
) -> Result<Response, Trouble> {
    let document = load(&dashboard, &host).await?;
    let view = &document.view;
    let (farm, waits) = dashboard.farm_and_waits().await?;
    let entries = view.entries.iter().take(SHOWN).enumerate();
    let page = Queue {
        shell: Shell::new(format!("Queue of {}", view.host), &farm, Some(view.made))
            .on(Section::Queue),
        waiting: view.waiting.values().sum(),
        entries: entries
            .map(|(place, of)| entry(place, of, &waits))
            .collect(),
        view,
    };
    Ok(Html(page.render()?).into_response())
}

fn entry(place: usize, of: &QueueEntry, waits: &Waits) -> Entry {
    Entry {
        place: place + 1,
        builder: of.builder.to_string(),
        page: links::builder(&of.builder),
        build: of.build.to_string(),
        job: of.job.to_string(),
        run: of.run,
        class: of.class.clone(),
        since: Moment(of.since),
        start: of.expected_start.map(Moment),
        usual: seconds(of.expected_seconds),
        due: Moment(of.due),
        why: waits.of(&of.build).unwrap_or_default().to_owned(),
    }
}

async fn all(dashboard: &Dashboard) -> Result<QueuesAnswer, Trouble> {
    let missing = || {
        Trouble::Missing(
            "Nothing is known of queues yet: the coordinator tells within seconds of its start."
                .to_owned(),
        )
    };
    let status = dashboard.status.get(key::STATUS).await?;
    let status = status.ok_or_else(missing)?;
    Ok(QueuesAnswer {
        made: status.view.farm.made,
        queues: status.view.farm.queues.clone(),
    })
}

pub(super) async fn all_json(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Refused> {
    Ok(axum::Json(all(&dashboard).await?).into_response())
}

pub(super) async fn all_page(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Trouble> {
    let all = all(&dashboard).await?;
    let page = Queues {
        shell: Shell::new("Queues", &dashboard.name().await?, Some(all.made)).on(Section::Queue),
        queues: all.queues.iter().map(line).collect(),
    };
    Ok(Html(page.render()?).into_response())
}

fn line(of: &QueueStatus) -> Line {
    Line {
        page: links::queue(&of.host_type),
        host: of.host_type.to_string(),
        waiting: of.waiting,
        pausing: of.pausing,
        oldest: of.oldest.map(Moment),
        busy: of.busy,
        machines: of.machines,
    }
}
