//! `report`: `POST /report`: results that are pushed as CloudEvents become mail, and calls of other people's webhooks.
//!
//! | event | mail goes to | webhooks |
//! |---|---|---|
//! | builders broken, builders mended | `FARM_MAIL_TO`, and with `FARM_MAIL_AUTHORS=true` the commit's author | all |
//! | a machine missing, a machine back | its owner | all |
//!
//! Others are acknowledged. Each receiver is told once, whatever the queue repeats and however many instances there are:
//! see [`once`]. Whoever may post here may have mail sent: on a platform that is the queue's identity alone.
//!
//! | status | means |
//! |---|---|
//! | 204 | told, or given up for good, as the log says |
//! | 400, 413 | no event that can be read: it goes to the dead letters |
//! | 503 | not all could be told: the same again tells the rest |

mod hook;
mod mail;
mod news;
mod once;
mod smtp;
mod text;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use farm_model::event::Event;
use farm_runtime::event::CloudEvent;
use farm_runtime::{Clock, Failure, Vars};
use futures::StreamExt;
use tokio::time::Instant;

use self::hook::{Call, Hooks};
use self::mail::{Letter, Mail};
use self::news::News;
use self::once::{Once, Sent, Told};
use self::text::Pages;
use crate::doors;

/// Receivers that are told at once.
const AT_ONCE: usize = 4;
/// After so long no further telling is begun: what is under way has to end within the 30 seconds of a request.
const ENOUGH: Duration = Duration::from_secs(10);

struct Report {
    mail: Option<Mail>,
    hooks: Option<Hooks>,
    pages: Pages,
    once: Once,
}

/// The function. Without `FARM_SMTP` there is no mail, and without `FARM_HOOKS` there are no calls.
///
/// # Errors
/// A setting is missing or wrong.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    build_at(vars, Clock::system())
}

/// The same at a time that a test sets.
///
/// # Errors
/// As [`build`].
pub fn build_at(vars: &Vars, clock: Clock) -> anyhow::Result<Router> {
    let report = Report {
        once: Once::new(doors::bucket(vars)?, clock),
        mail: Mail::open(vars)?,
        hooks: Hooks::open(vars)?,
        pages: Pages::open(vars)?,
    };
    Ok(Router::new()
        .route("/report", post(report_event))
        .with_state(Arc::new(report)))
}

async fn report_event(
    State(report): State<Arc<Report>>,
    CloudEvent(event): CloudEvent,
) -> Result<StatusCode, Failure> {
    let news = News::of(&event);
    let news = news.map_err(|error| Failure::never(StatusCode::BAD_REQUEST, error.to_string()))?;
    if let Some(news) = news {
        report.tell_all(&event, &news).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// One thing to say to one receiver.
enum Telling<'a> {
    Mail(&'a Mail, Letter),
    Hook(&'a Hooks, Call<'a>),
}

impl Report {
    async fn tell_all(&self, event: &Event, news: &News) -> Result<(), Failure> {
        let began = Instant::now();
        let tellings = self.tellings(event, news)?;
        let all = tellings
            .iter()
            .map(|of| self.tell_in_time(event, of, began));
        let all: Vec<_> = all.collect();
        let all = futures::stream::iter(all).buffer_unordered(AT_ONCE);
        let all: Vec<Told> = all.collect().await;
        let late: Vec<String> = all
            .into_iter()
            .filter_map(|told| match told {
                Told::Settled => None,
                Told::Later(why) => Some(why),
            })
            .collect();
        match late.as_slice() {
            [] => Ok(()),
            _ => Err(Failure::again(format!("{}: {}", event.id, late.join("; ")))),
        }
    }

    /// Everybody who is to hear of it.
    fn tellings(&self, event: &Event, news: &News) -> Result<Vec<Telling<'_>>, Failure> {
        let mut all = Vec::new();
        if let Some(mail) = &self.mail {
            let letters = mail.letters(event, news, &self.pages);
            all.extend(
                letters
                    .into_iter()
                    .map(|letter| Telling::Mail(mail, letter)),
            );
        }
        if let Some(hooks) = &self.hooks {
            let calls = hooks.calls(event).map_err(Failure::again)?;
            all.extend(calls.into_iter().map(|call| Telling::Hook(hooks, call)));
        }
        Ok(all)
    }

    async fn tell_in_time(&self, event: &Event, telling: &Telling<'_>, began: Instant) -> Told {
        if began.elapsed() >= ENOUGH {
            return Told::Later("others took too long".to_owned());
        }
        let (channel, receiver) = telling.receiver();
        self.once
            .tell(&event.id, channel, &receiver, telling.send())
            .await
    }
}

impl Telling<'_> {
    /// The channel, and who it is there.
    fn receiver(&self) -> (&'static str, String) {
        match self {
            Self::Mail(_, letter) => ("mail", letter.receiver()),
            Self::Hook(_, call) => ("hook", call.receiver()),
        }
    }

    async fn send(&self) -> Sent {
        match self {
            Self::Mail(mail, letter) => mail.send(letter).await,
            Self::Hook(hooks, call) => hooks.send(call).await,
        }
    }
}
