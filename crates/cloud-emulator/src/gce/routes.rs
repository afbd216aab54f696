//! Which path is whose.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::error::Refusal;
use super::{Gce, admin, instances, list, operation, region};
use crate::download;

const PROJECT: &str = "/compute/v1/projects/{project}";

pub(super) fn router(gce: &Gce) -> Router {
    let api = Router::new()
        .nest(PROJECT, project())
        .route_layer(from_fn_with_state(gce.clone(), with_token));
    api.nest("/emulator", admin::router())
        .merge(download::router(gce.0.options.buildlet.clone()))
        .fallback(unknown)
        .with_state(gce.clone())
}

fn project() -> Router<Gce> {
    Router::new()
        .route("/aggregated/instances", get(list::aggregated))
        .route("/regions/{region}", get(region::get))
        .route("/zones", get(region::zones))
        .nest("/zones/{zone}", zone())
}

fn zone() -> Router<Gce> {
    let one = get(instances::get).delete(instances::delete);
    Router::new()
        .route("/instances", get(list::instances).post(instances::insert))
        .route("/instances/{instance}", one)
        .route(
            "/instances/{instance}/setLabels",
            post(instances::set_labels),
        )
        .route("/instances/{instance}/serialPort", get(instances::serial))
        .route("/operations", get(operation::list))
        .route("/operations/{operation}", get(operation::get))
        .route("/operations/{operation}/wait", post(operation::wait))
}

/// Lets through whoever brings the token, if there is one.
async fn with_token(State(gce): State<Gce>, request: Request, next: Next) -> Response {
    let given = request.headers().get(AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    let wanted = gce.0.options.token.as_deref();
    if wanted.is_some() && given != wanted {
        return Refusal::no_token().into_response();
    }
    next.run(request).await
}

async fn unknown(request: Request) -> Refusal {
    Refusal::not_found(request.uri().path())
}
