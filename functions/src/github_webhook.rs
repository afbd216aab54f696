//! `github-webhook`: `POST /github-webhook`, signed with `GITHUB_WEBHOOK_SECRET`.
//!
//! | delivery | answer |
//! |---|---|
//! | stored and published | 202 |
//! | `ping` | 200 `pong` |
//! | an event that the farm has no use for | 204 |
//! | larger than 4 MiB | 413 |
//! | signature missing or wrong | 401 |
//! | not readable | 400 |
//! | bucket or queue away | 503: to be redelivered |

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use farm_forge::github;
use farm_forge::signature::verify_github;
use farm_forge::stored::GITHUB_EVENT;
use farm_model::message::activity::{GithubHint, Hint};
use farm_runtime::{Failure, Vars};

use crate::webhook::{self, Ledger, Received, header};

/// Headers worth keeping: what it is, and where GitHub lists it. The signature proves nothing later.
const KEPT: [&str; 7] = [
    "content-type",
    "user-agent",
    "x-github-delivery",
    GITHUB_EVENT,
    "x-github-hook-id",
    "x-github-hook-installation-target-id",
    "x-github-hook-installation-target-type",
];

struct Hook {
    secret: String,
    ledger: Ledger,
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong; an empty secret is missing.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let hook = Hook {
        secret: vars.require("GITHUB_WEBHOOK_SECRET", "the secret of GitHub's webhooks")?,
        ledger: Ledger::open(vars, "/functions/github-webhook")?,
    };
    Ok(Router::new()
        .route("/github-webhook", post(deliver))
        .with_state(Arc::new(hook)))
}

async fn deliver(State(hook): State<Arc<Hook>>, delivery: Delivery) -> Result<Response, Failure> {
    let hint = match delivery.said {
        Said::Ping => return Ok("pong\n".into_response()),
        Said::Nothing => return Ok(StatusCode::NO_CONTENT.into_response()),
        Said::Happened(hint) => hint,
    };
    let hint = Hint::Github(hint);
    hook.ledger.take_in(hint, delivery.received).await?;
    Ok((StatusCode::ACCEPTED, "accepted\n").into_response())
}

/// A delivery that GitHub has signed.
struct Delivery {
    said: Said,
    received: Received,
}

/// What is in it for the farm.
enum Said {
    Ping,
    Nothing,
    Happened(GithubHint),
}

impl FromRequest<Arc<Hook>> for Delivery {
    type Rejection = Failure;

    async fn from_request(request: Request, hook: &Arc<Hook>) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let body = webhook::read(body).await?;
        verify(&hook.secret, &parts.headers, &body)?;
        let event = header(&parts.headers, GITHUB_EVENT)
            .ok_or_else(|| Failure::never(StatusCode::BAD_REQUEST, "X-GitHub-Event is missing"))?;
        let hint = github::parse(event, &body).map_err(|error| webhook::unreadable(&error))?;
        let said = match hint {
            Some(hint) => Said::Happened(hint),
            None if event == github::PING => Said::Ping,
            None => Said::Nothing,
        };
        let guid = header(&parts.headers, "x-github-delivery");
        Ok(Self {
            said,
            received: Received::new(&parts.headers, &KEPT, guid, body),
        })
    }
}

fn verify(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Failure> {
    let refused = |text: String| Failure::never(StatusCode::UNAUTHORIZED, text);
    // The old header only serves to say what is wrong with it.
    let signature = header(headers, "x-hub-signature-256")
        .or_else(|| header(headers, "x-hub-signature"))
        .ok_or_else(|| refused("X-Hub-Signature-256 is missing".to_owned()))?;
    verify_github(secret.as_bytes(), body, signature).map_err(|error| refused(error.to_string()))
}
