//! Which farm this is, what runs it, whether deliveries add up, and how old what pages show is.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use farm_model::Timestamp;
use farm_model::view::{AboutAnswer, DocumentAge, IntakeStatus, key};

use super::Dashboard;
use super::problem::Refused;
use super::shell::{Section, Shell};
use super::text::Moment;
use super::trouble::Trouble;

/// Of what answers.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Template)]
#[template(path = "about.html")]
struct Page {
    shell: Shell,
    answer: AboutAnswer,
    total: IntakeStatus,
    adds_up: bool,
    documents: Vec<Age>,
    since: Option<Moment>,
    started: Option<Moment>,
}

/// A document.
struct Age {
    document: String,
    made: Option<Moment>,
}

async fn all(dashboard: &Dashboard) -> Result<AboutAnswer, Trouble> {
    let farm = dashboard.farm.get(key::FARM).await?;
    let status = dashboard.status.get(key::STATUS).await?;
    let flakes = dashboard.flakes.get(key::FLAKES).await?;
    let age = |document: &str, made: Option<Timestamp>| DocumentAge {
        document: document.to_owned(),
        made,
    };
    Ok(AboutAnswer {
        version: VERSION.to_owned(),
        documents: vec![
            age(key::FARM, farm.as_ref().map(|farm| farm.view.made)),
            age(
                key::STATUS,
                status.as_ref().map(|status| status.view.farm.made),
            ),
            age(key::FLAKES, flakes.map(|flakes| flakes.view.made)),
        ],
        name: farm.map_or_else(String::new, |farm| farm.view.name.clone()),
        coordinator: status
            .as_ref()
            .map(|status| status.view.coordinator.clone()),
        intake: status.map_or_else(Vec::new, |status| status.view.farm.intake.clone()),
    })
}

pub(super) async fn json(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Refused> {
    Ok(axum::Json(all(&dashboard).await?).into_response())
}

pub(super) async fn page(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Trouble> {
    let answer = all(&dashboard).await?;
    let newest = answer.documents.iter().filter_map(|of| of.made).max();
    let total = total(&answer.intake);
    let ages = answer.documents.iter().map(|of| Age {
        document: of.document.clone(),
        made: of.made.map(Moment),
    });
    let coordinator = answer.coordinator.as_ref();
    let page = Page {
        shell: Shell::new("About", &answer.name, newest).on(Section::About),
        adds_up: total.accepted == total.effective + total.repeated + total.refused,
        documents: ages.collect(),
        since: coordinator.map(|of| Moment(of.since)),
        started: coordinator.map(|of| Moment(of.started)),
        total,
        answer,
    };
    Ok(Html(page.render()?).into_response())
}

/// What programs may ask, and what they are answered.
pub(super) async fn openapi() -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, include_str!("../../openapi.json")).into_response()
}

/// Over all days and sources.
fn total(intake: &[IntakeStatus]) -> IntakeStatus {
    let sum = |of: fn(&IntakeStatus) -> u64| intake.iter().map(of).sum();
    IntakeStatus {
        accepted: sum(|day| day.accepted),
        effective: sum(|day| day.effective),
        repeated: sum(|day| day.repeated),
        refused: sum(|day| day.refused),
        found: sum(|day| day.found),
        ..IntakeStatus::default()
    }
}
