//! `gerrit-webhook`: `POST /gerrit-webhook/<GERRIT_WEBHOOK_SECRET>`. Gerrit's webhooks plugin signs nothing, so its URL is
//! what proves the sender; a wrong one is answered 404, as if there were nothing here, and is never logged. Other
//! answers are those of [`crate::github_webhook`].

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use farm_forge::gerrit;
use farm_model::message::activity::{GerritHint, Hint};
use farm_runtime::{Failure, Vars};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::webhook::{self, Ledger, Received};

/// Headers worth keeping.
const KEPT: [&str; 2] = ["content-type", "user-agent"];

struct Hook {
    secret: Secret,
    ledger: Ledger,
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong; an empty secret is missing.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let secret = vars.require(
        "GERRIT_WEBHOOK_SECRET",
        "the last part of the URL that Gerrit's webhooks plugin posts to",
    )?;
    let hook = Hook {
        secret: Secret::new(&secret),
        ledger: Ledger::open(vars, "/functions/gerrit-webhook")?,
    };
    Ok(Router::new()
        .route("/gerrit-webhook/{secret}", post(deliver))
        .with_state(Arc::new(hook)))
}

async fn deliver(State(hook): State<Arc<Hook>>, delivery: Delivery) -> Result<Response, Failure> {
    let Some(hint) = delivery.hint else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let hint = Hint::Gerrit(hint);
    hook.ledger.take_in(hint, delivery.received).await?;
    Ok((StatusCode::ACCEPTED, "accepted\n").into_response())
}

/// A delivery from someone who knows the secret.
struct Delivery {
    hint: Option<GerritHint>,
    received: Received,
}

impl FromRequest<Arc<Hook>> for Delivery {
    type Rejection = Failure;

    async fn from_request(request: Request, hook: &Arc<Hook>) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let path = Path::<HashMap<String, String>>::from_request_parts(&mut parts, hook).await;
        let given = path.as_ref().ok().and_then(|path| path.get("secret"));
        if !given.is_some_and(|given| hook.secret.is(given)) {
            return Err(Failure::never(StatusCode::NOT_FOUND, "not found"));
        }
        let body = webhook::read(body).await?;
        let hint = gerrit::parse(&body).map_err(|error| webhook::unreadable(&error))?;
        Ok(Self {
            hint,
            received: Received::new(&parts.headers, &KEPT, None, body),
        })
    }
}

/// The digest of the secret: comparing digests tells nothing of what was right, nor of how long it was.
struct Secret([u8; 32]);

impl Secret {
    fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    fn is(&self, text: &str) -> bool {
        bool::from(self.0.ct_eq(&Self::new(text).0))
    }
}
