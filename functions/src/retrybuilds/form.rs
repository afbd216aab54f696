//! `POST /retry`: what a page's button sends, in the name of who is signed in.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use farm_model::id::{BuildId, BuilderName, CommitId, IdError};
use farm_model::message::command::{Ask, Command};
use serde::Deserialize;
use tracing::Instrument;

use super::Retry;
use crate::notice::{not_done, sign_in};
use crate::publish::Unpublished;
use crate::session::back;
use crate::site::Site;
use crate::traced;

/// The fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    build: String,
    builder: String,
    commit: String,
    r#do: String,
    csrf: String,
    back: Option<String>,
}

pub(super) async fn post(
    State(retry): State<Arc<Retry>>,
    headers: HeaderMap,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Response {
    let (span, parent) = traced::command(&headers, &retry.ids);
    let site = Site::of(&headers, &uri);
    let way = back(fields.back.as_deref());
    let back = Some((way, "Back"));
    let Some(who) = retry.sessions.signed_in(&headers, &site, retry.clock.now()) else {
        let to = sign_in(way);
        let text = "Nobody is signed in, or no more.";
        let way = Some((to.as_str(), "Sign in"));
        return not_done(StatusCode::UNAUTHORIZED, "Nothing was asked for", text, way);
    };
    if let Err(why) = retry.sessions.check(&who, &headers, &site, &fields.csrf) {
        let text = why.to_string();
        return not_done(StatusCode::FORBIDDEN, "Nothing was asked for", &text, back);
    }
    if let Err(many) = retry.limit.take(&who.actor(), retry.clock.now()) {
        let (status, text) = (StatusCode::TOO_MANY_REQUESTS, many.to_string());
        let page = not_done(status, "Nothing was asked for", &text, back);
        let after = [(header::RETRY_AFTER, many.0.as_secs().to_string())];
        return (after, page).into_response();
    }
    let command = fields.ask().and_then(|ask| {
        Ok(Command {
            id: retry.ids.hex(16).parse()?,
            actor: who.actor(),
            ask,
        })
    });
    let command = match command {
        Ok(command) => command,
        Err(error) => {
            let text = error.to_string();
            return not_done(
                StatusCode::BAD_REQUEST,
                "That cannot be asked for",
                &text,
                back,
            );
        }
    };
    tracing::info!(id = %command.id, actor = %command.actor, "a command");
    let published = retry.publish(&[command], &parent).instrument(span).await;
    match published {
        Ok(()) => Redirect::to(way).into_response(),
        Err(Unpublished::Again(error) | Unpublished::Never(error)) => {
            tracing::error!(%error, "a command was not published");
            let text = "The farm cannot be asked right now: try again.";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            not_done(status, "Nothing was asked for", text, back)
        }
    }
}

/// Why the fields ask for nothing.
#[derive(Debug, thiserror::Error)]
enum Unclear {
    #[error(transparent)]
    Id(#[from] IdError),
    #[error("do is retry or cancel; a build can be cancelled, not a builder's commit")]
    Do,
}

impl Fields {
    fn ask(&self) -> Result<Ask, Unclear> {
        match (self.r#do.as_str(), self.build.as_str()) {
            ("retry", "") => Ok(Ask::Clear {
                builder: self.builder.parse::<BuilderName>()?,
                commit: self.commit.parse::<CommitId>()?,
            }),
            ("retry", build) => Ok(Ask::Retry {
                build: build.parse::<BuildId>()?,
            }),
            ("cancel", build) if !build.is_empty() => Ok(Ask::Cancel {
                build: build.parse::<BuildId>()?,
            }),
            _ => Err(Unclear::Do),
        }
    }
}
