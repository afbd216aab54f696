//! What the functions were called for.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use serde::Deserialize;

use super::Site;
use super::overview::Known;
use super::shell::Shell;
use super::text::{grouped, id, span};
use super::trouble::Trouble;
use crate::host::{Cause, Invocation, Tally};

/// Calls on a page.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "calls.html")]
struct CallsPage {
    shell: Shell,
    functions: Functions,
    calls: Vec<CallRow>,
    /// Of which function only.
    only: Option<String>,
}

/// What may be asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    /// Calls of this function only.
    function: Option<String>,
}

/// How the functions do.
pub(super) struct Functions {
    pub(super) process: Option<u32>,
    pub(super) since: Option<String>,
    pub(super) starts: u64,
    pub(super) swaps: u64,
    pub(super) trouble: Option<(String, String)>,
    pub(super) log: String,
    pub(super) tallies: Vec<TallyRow>,
}

/// A function's counts.
pub(super) struct TallyRow {
    pub(super) name: String,
    pub(super) calls: String,
    pub(super) failed: u64,
    pub(super) handed_on: u64,
}

/// A call in a table.
pub(super) struct CallRow {
    pub(super) at: String,
    pub(super) clock: String,
    pub(super) function: String,
    pub(super) what: String,
    /// Who called, where it was nobody's request.
    pub(super) cause: Option<String>,
    pub(super) status: u16,
    pub(super) took: String,
    pub(super) attempt: u32,
}

impl CallRow {
    fn new(invocation: &Invocation) -> Self {
        let call = &invocation.call;
        let cause = match &call.cause {
            Cause::Request => None,
            Cause::Push {
                subscription,
                message,
            } => Some(format!("{}, message {message}", id(subscription))),
            Cause::Tick => Some("the time".to_owned()),
        };
        Self {
            at: call.at.to_string(),
            clock: call.at.strftime("%H:%M:%S%.3f").to_string(),
            function: call.function.to_string(),
            what: format!("{} {}", call.method, call.route),
            cause,
            status: invocation.status,
            took: span(invocation.took),
            attempt: invocation.attempt,
        }
    }

    /// `ok`, `bad`, or a class for what is between.
    pub(super) fn tone(&self) -> &'static str {
        match self.status {
            0..400 => "ok",
            400..500 => "odd",
            _ => "bad",
        }
    }
}

impl TallyRow {
    fn new((name, tally): (String, Tally)) -> Self {
        Self {
            name,
            calls: grouped(tally.calls),
            failed: tally.failed,
            handed_on: tally.handed_on,
        }
    }
}

impl Site {
    /// How the functions do, where there are any.
    pub(super) fn functions(&self) -> Option<Functions> {
        let host = self.host.as_ref()?;
        let life = host.life();
        let time = |at: jiff::Timestamp| at.strftime("%H:%M:%S UTC").to_string();
        Some(Functions {
            process: life.process,
            since: life.since.map(time),
            starts: life.starts,
            swaps: life.swaps,
            trouble: life.trouble.map(|(at, text)| (time(at), text)),
            log: host.log().display().to_string(),
            tallies: host.tallies().into_iter().map(TallyRow::new).collect(),
        })
    }

    /// The last calls, at most `most`, of one function or of all.
    pub(super) fn calls(&self, function: Option<&str>, most: usize) -> Vec<CallRow> {
        let all = self.host.iter().flat_map(|host| host.invocations());
        let wanted = all.filter(|one| function.is_none_or(|name| name == &*one.call.function));
        wanted.take(most).map(|one| CallRow::new(&one)).collect()
    }
}

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Query(choice): Query<Choice>,
) -> Result<Html<String>, Trouble> {
    let missing = || Trouble::Missing("There are no functions here.".to_owned());
    let known = Known::of(&site);
    let page = CallsPage {
        shell: site.shell(&known, "Function calls", "calls"),
        functions: site.functions().ok_or_else(missing)?,
        calls: site.calls(choice.function.as_deref(), MOST),
        only: choice.function,
    };
    Ok(Html(page.render()?))
}
