//! A dashboard as clients of 2019 know it: failures as text, logs by address, results cleared by key.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::server::{Server, ServerArgs};

/// How often a result is cleared that is being written by somebody else.
const TRIES: u32 = 10;
/// What says so.
const AGAIN: &str = "datastore: concurrent transaction";

/// One.
#[derive(Debug, Clone)]
pub(super) struct Dashboard {
    server: Server,
}

/// A failure that it lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) commit: String,
    pub(super) builder: String,
    /// Where its log is.
    pub(super) log: String,
}

impl Line {
    /// `commit builder log`; other lines are not for us.
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [commit, builder, log] = fields[..] else {
            return None;
        };
        Some(Self {
            commit: commit.to_owned(),
            builder: builder.to_owned(),
            log: log.to_owned(),
        })
    }

    /// Whether the hash of its log begins so.
    pub(super) fn has_log(&self, hash: &str) -> bool {
        self.log.contains(&format!("/log/{hash}"))
    }
}

impl Dashboard {
    /// The one at `prefix`.
    pub(super) fn open(prefix: &str) -> anyhow::Result<Self> {
        let args = ServerArgs::at(prefix).context("-builder-prefix")?;
        Ok(Self {
            server: args.open()?,
        })
    }

    /// The failures among the newest commits of a branch.
    pub(super) async fn failures(&self, branch: &str) -> anyhow::Result<Vec<Line>> {
        let query = [("mode", "failures"), ("branch", branch)];
        let text = self.server.text(&query).await;
        let text = text.context("the failures cannot be listed")?;
        Ok(text.lines().filter_map(Line::read).collect())
    }

    /// The log of a failure.
    pub(super) async fn log(&self, line: &Line) -> anyhow::Result<String> {
        let text = self.server.text_at(&line.log).await;
        text.with_context(|| format!("the log {} cannot be read", line.log))
    }

    /// Clears the result, and waits between tries while somebody else writes it.
    pub(super) async fn clear(
        &self,
        line: &Line,
        key: &str,
        pause: Duration,
    ) -> anyhow::Result<()> {
        let query = [
            ("builder", line.builder.as_str()),
            ("hash", line.commit.as_str()),
            ("key", key),
        ];
        for _ in 0..TRIES {
            let envelope = self.server.clear_2019(&query).await?;
            match envelope.error.as_str() {
                "" => return Ok(()),
                AGAIN => tokio::time::sleep(pause).await,
                error => bail!("{error}"),
            }
        }
        bail!("somebody else has been writing it for {TRIES} tries: {AGAIN}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_three_fields() {
        let line = Line::read("abc linux-amd64 https://x/log/a94a8f").unwrap();
        assert!(line.has_log("a94a") && !line.has_log("94a8"));
        for other in ["", "abc linux-amd64", "a b c d"] {
            assert_eq!(Line::read(other), None, "{other:?}");
        }
    }
}
