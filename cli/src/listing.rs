//! What some commands show: a document of many alike, one a line, or as JSON.

use std::process::ExitCode;

use farm_model::Timestamp;
use serde::Serialize;

use crate::session::Session;
use crate::text::{age, plain};

/// In which form.
#[derive(Debug, Clone, clap::Args)]
pub struct ListingArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What is shown as a line of its own.
pub trait Row {
    /// When it happened, or did last.
    fn at(&self) -> Timestamp;
    /// The line, where that was so long `ago`.
    fn line(&self, ago: &str) -> String;
}

impl ListingArgs {
    /// Prints `document`, or `rows` of it; `none` where there is no row.
    ///
    /// # Errors
    /// Standard output takes nothing.
    pub fn show(
        &self,
        document: &impl Serialize,
        rows: &[impl Row],
        none: &str,
        session: &mut Session,
    ) -> anyhow::Result<ExitCode> {
        if self.json {
            session.print(&serde_json::to_string_pretty(document)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        if rows.is_empty() {
            session.print(none)?;
        }
        let now = session.clock.now();
        for row in rows {
            let ago = age(now.duration_since(row.at()).as_secs());
            session.print(&plain(&row.line(&ago)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
