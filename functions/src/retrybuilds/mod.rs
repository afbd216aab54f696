//! `retrybuilds`: builds run again.
//!
//! `POST /retry` is what buttons of pages send: `do=retry` or `do=cancel` with `build`, or `do=retry` with `builder` and `commit`;
//! `csrf` as the page has it, and `back`, the page to go on to. Who asks is who is signed in: see [`crate::session`].
//!
//! `POST /retrybuilds` is called by the time: what failed by chance alone, or was lost, runs again, at most twice a build.
//!
//! `POST /clear-results?builder=B&hash=H`: forget results, so that the builds run again (spec
//! `dashboard.md` 3, 4.8).
//!
//! `hash` is one full commit id, or several with commas between them. Who asks proves it in one of two ways:
//!
//! - `Authorization: Bearer farm1.…`, a token signed with `FARM_TOKEN_KEY`: the actor is `user:<subject>`;
//! - `key=…`, the builder's key of 2019, only where `FARM_BUILDER_MASTER_KEY` is set: the actor is `builder:<name>`.
//!
//! Parameters come from the query or, as a form or a JSON object, from the body. `id`, or the header `Idempotency-Key`,
//! names the command among those of who asks: asking twice under one name is asking once. The answer is the envelope of 2019,
//! `{"Response":null,"Error":""}`; its statuses say the same to those who look at them.

mod actor;
mod ask;
mod form;
mod tick;

use std::fmt::Display;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::routing::post;
use farm_bus::Bus;
use farm_model::message::command::Command;
use farm_model::trace::TraceParent;
use farm_runtime::{Clock, Ids, Vars};
use tracing::Instrument;

use self::actor::Keys;
use self::ask::Asked;
use crate::dashboard::notice;
use crate::documents::Documents;
use crate::limit::{Limit, address};
use crate::publish::{self, Unpublished};
use crate::session::Sessions;
use crate::y2019::envelope::{Done, Refusal};
use crate::{doors, traced};

/// Bytes of a body: names and commit ids.
const LARGEST: usize = 64 << 10;
/// Who publishes.
const PUBLISHER: &str = "/functions/retrybuilds";

struct Retry {
    keys: Keys,
    sessions: Sessions,
    limit: Limit,
    strangers: Limit,
    documents: Documents,
    bus: Bus,
    clock: Clock,
    ids: Ids,
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong; an empty key is missing.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let keys = Keys::read(vars)?;
    let retry = Retry {
        sessions: Sessions::new(keys.tokens().to_owned()),
        keys,
        limit: Limit::commands(),
        strangers: Limit::strangers(),
        documents: Documents::new(doors::bucket(vars)?),
        bus: doors::bus(vars)?,
        clock: Clock::system(),
        ids: Ids::system(),
    };
    let pages = notice::framed(Router::new().route("/retry", post(form::post)))?;
    Ok(Router::new()
        .route("/clear-results", post(clear))
        .route("/retrybuilds", post(tick::post))
        .merge(pages)
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Arc::new(retry)))
}

async fn clear(
    State(retry): State<Arc<Retry>>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Done, Refusal> {
    let (span, parent) = traced::command(&headers, &retry.ids);
    let from = address(&headers);
    retry.clear(asked, from, &parent).instrument(span).await
}

impl Retry {
    async fn clear(&self, asked: Asked, from: &str, parent: &TraceParent) -> Result<Done, Refusal> {
        let now = self.clock.now();
        let actor = match self.keys.actor(&asked, now) {
            Ok(actor) => actor,
            Err(refusal) => {
                self.strangers.take(from, now)?;
                return Err(refusal);
            }
        };
        if let Err(many) = self.limit.take(&actor.name, now) {
            return Err(match actor.is_2019 {
                true => Refusal::later_2019(many),
                false => many.into(),
            });
        }
        let commands = asked.commands(&actor, || self.ids.hex(16))?;
        let later = |error: &dyn Display| match actor.is_2019 {
            true => Refusal::later_2019(error),
            false => Refusal::later(error),
        };
        let published = self.publish(&commands, parent).await;
        published.map_err(|error| match error {
            Unpublished::Again(error) => later(&error),
            Unpublished::Never(error) => Refusal::bad(error),
        })?;
        tracing::info!(actor = %actor.name, count = commands.len(), "results to be cleared");
        Ok(Done::silent())
    }

    async fn publish(&self, commands: &[Command], trace: &TraceParent) -> Result<(), Unpublished> {
        publish::commands(&self.bus, PUBLISHER, commands, trace, self.clock.now()).await
    }
}
