//! `commands`: `POST /api/commands`: a person asks the farm for something.
//!
//! The body is what is asked, as JSON: `{"do":"cancel","build":"3f2a…"}`; see [`Ask`] for all of it. Who asks proves it with
//! `Authorization: Bearer farm1.…`, a token signed with `FARM_TOKEN_KEY`: the actor is `user:<subject>`.
//! `Idempotency-Key` names the command among those of who asks: asking twice under one name is asking once. Its id, which
//! the answer tells, is that name after a digest of who asks.
//!
//! | status | body | means |
//! |---|---|---|
//! | 202 | `{"command":"…"}` | accepted; `GET /api/audit`, with the same token, says what came of it |
//! | 400 | `{"error":"…"}` | it makes no sense |
//! | 401 | `{"error":"…"}` | no token, or none that is good |
//! | 429 | `{"error":"…"}` | too often; `Retry-After` says when |
//! | 503 | `{"error":"…"}` | not now; the same again is safe |

mod answer;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::routing::post;
use farm_bus::Bus;
use farm_model::Timestamp;
use farm_model::id::{CommandId, IdError};
use farm_model::message::command::{Ask, Command};
use farm_model::trace::TraceParent;
use farm_runtime::{Clock, Ids, Vars};
use tracing::Instrument;

use self::answer::{Accepted, Refused};
use crate::limit::{Limit, address};
use crate::names::named;
use crate::publish::{self, Unpublished};
use crate::{bearer, doors, traced};

/// Bytes of a body: names and a reason.
const LARGEST: usize = 16 << 10;
/// Of a reason, in characters.
const REASON: usize = 500;
/// Who publishes.
const PUBLISHER: &str = "/functions/commands";

struct Commands {
    tokens: String,
    limit: Limit,
    strangers: Limit,
    bus: Bus,
    clock: Clock,
    ids: Ids,
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong; an empty key is missing.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let commands = Commands {
        tokens: vars.require(
            "FARM_TOKEN_KEY",
            "the key that people's tokens are signed with",
        )?,
        limit: Limit::commands(),
        strangers: Limit::strangers(),
        bus: doors::bus(vars)?,
        clock: Clock::system(),
        ids: Ids::system(),
    };
    Ok(Router::new()
        .route("/api/commands", post(command))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Arc::new(commands)))
}

async fn command(
    State(commands): State<Arc<Commands>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Accepted, Refused> {
    let now = commands.clock.now();
    let actor = commands.actor(&headers, now)?;
    let ask = asked(&body)?;
    let id = commands.id(&headers, &actor)?;
    let command = Command { id, actor, ask };
    let (span, parent) = traced::command(&headers, &commands.ids);
    let publishing = commands.publish(&command, &parent, now);
    publishing.instrument(span).await?;
    tracing::info!(id = %command.id, actor = %command.actor, "a command");
    Ok(Accepted(command.id))
}

impl Commands {
    /// Who asks.
    fn actor(&self, headers: &HeaderMap, now: Timestamp) -> Result<String, Refused> {
        let subject = match bearer::subject(&self.tokens, headers, now) {
            Ok(subject) => subject,
            Err(why) => {
                self.strangers.take(address(headers), now)?;
                return Err(Refused::Stranger(why));
            }
        };
        let actor = format!("user:{subject}");
        self.limit.take(&actor, now)?;
        Ok(actor)
    }

    /// The name that `actor` gave the command, or one of ours.
    fn id(&self, headers: &HeaderMap, actor: &str) -> Result<CommandId, Refused> {
        let wrong = |error: IdError| Refused::Nonsense(format!("Idempotency-Key: {error}"));
        let given = headers.get("idempotency-key");
        let text = match given.map(|value| value.to_str()) {
            Some(Ok(text)) => named(actor, text).map_err(wrong)?,
            Some(Err(_)) => return Err(Refused::Nonsense("Idempotency-Key is no text".into())),
            None => self.ids.hex(16),
        };
        text.parse().map_err(wrong)
    }

    async fn publish(
        &self,
        command: &Command,
        trace: &TraceParent,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let commands = std::slice::from_ref(command);
        let published = publish::commands(&self.bus, PUBLISHER, commands, trace, now).await;
        published.map_err(|error| match error {
            Unpublished::Again(error) | Unpublished::Never(error) => Refused::later(error),
        })
    }
}

fn asked(body: &[u8]) -> Result<Ask, Refused> {
    let ask: Ask = serde_json::from_slice(body).map_err(|error| {
        Refused::Nonsense(format!(
            "the body is not what can be asked for, such as {{\"do\":\"cancel\",\"build\":\"…\"}}: {error}"
        ))
    })?;
    if matches!(ask, Ask::Result(_)) {
        let text = "a result is told by its builder, at /result".to_owned();
        return Err(Refused::Nonsense(text));
    }
    let reason = match &ask {
        Ask::Pause { reason, .. } | Ask::Drain { reason, .. } => reason,
        _ => return Ok(ask),
    };
    if reason.chars().count() > REASON {
        let text = format!("a reason has at most {REASON} characters");
        return Err(Refused::Nonsense(text));
    }
    Ok(ask)
}
