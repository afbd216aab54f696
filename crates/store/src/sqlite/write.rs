//! Writing a batch, one prepared statement a row.

use farm_model::record::{Branch, Build, OwnedMachine, Run, Transition};
use farm_model::view::FeedEvent;
use rusqlite::{Connection, Params};
use serde::Serialize;

use super::fault::Fault;
use super::{hour, nanoseconds};
use crate::{Batch, ConfigRecord, Decision, Epoch, FORGET_AT_ONCE, InboxEntry, OutboxEntry};

/// Makes its caller the leader.
pub fn next_epoch(connection: &Connection) -> Result<Epoch, Fault> {
    let sql = "UPDATE leader SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch";
    Ok(Epoch(connection.query_row(sql, [], |row| row.get(0))?))
}

/// Writes all of `batch`; `connection` is in a transaction.
pub fn batch(connection: &Connection, epoch: Epoch, batch: &Batch) -> Result<(), Fault> {
    let to = Writer(connection);
    each(&batch.branches, |record| to.branch(record))?;
    each(&batch.builds, |record| to.build(record))?;
    each(&batch.runs, |record| to.run(record))?;
    each(&batch.config, |record| to.config(record))?;
    each(&batch.inbox, |entry| to.inbox(entry))?;
    each(&batch.outbox_done, |id| to.outbox_done(id))?;
    each(&batch.outbox_add, |entry| to.outbox_add(entry))?;
    each(&batch.dirty_done, |key| to.dirty_done(key))?;
    each(&batch.dirty_add, |key| to.dirty_add(key))?;
    each(&batch.history, |transition| to.history(transition))?;
    each(&batch.feed, |event| to.feed(event))?;
    each(&batch.owned, |machine| to.owned(machine))?;
    each(&batch.decision, |decision| to.decision(epoch, decision))?;
    to.forget(batch)
}

fn each<'a, T: 'a>(
    records: impl IntoIterator<Item = &'a T>,
    write: impl Fn(&'a T) -> Result<(), Fault>,
) -> Result<(), Fault> {
    records.into_iter().try_for_each(write)
}

fn json<T: Serialize>(table: &'static str, record: &T) -> Result<String, Fault> {
    serde_json::to_string(record).map_err(|error| Fault::Encode { table, error })
}

struct Writer<'a>(&'a Connection);

impl Writer<'_> {
    fn execute(&self, sql: &str, params: impl Params) -> Result<(), Fault> {
        self.0.prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn branch(&self, branch: &Branch) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO branch (repo, name, observed_at, body) VALUES ($1, $2, $3, $4)
             ON CONFLICT (repo, name) DO UPDATE SET observed_at = excluded.observed_at, body = excluded.body",
            (
                branch.repo.as_str(),
                &branch.name,
                nanoseconds(branch.observed),
                json("branch", branch)?,
            ),
        )
    }

    fn build(&self, build: &Build) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO build (id, repo, commit_id, builder, wanted_at, body) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (id) DO UPDATE SET wanted_at = excluded.wanted_at, body = excluded.body",
            (
                build.id.as_str(),
                build.key.repo.as_str(),
                build.key.commit.as_str(),
                build.key.builder.as_str(),
                nanoseconds(build.wanted),
                json("build", build)?,
            ),
        )
    }

    fn run(&self, run: &Run) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO run (build, number, opened_at, outcome, body) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (build, number) DO UPDATE
             SET opened_at = excluded.opened_at, outcome = excluded.outcome, body = excluded.body",
            (
                run.build.as_str(),
                run.number,
                nanoseconds(run.opened),
                run.verdict.as_ref().map(|verdict| verdict.outcome.as_str()),
                json("run", run)?,
            ),
        )
    }

    fn config(&self, config: &ConfigRecord) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO config (digest, seq, source, body)
             VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM config), $2, $3)
             ON CONFLICT (digest) DO UPDATE SET seq = excluded.seq, source = excluded.source, body = excluded.body",
            (&config.digest, &config.source, &config.text),
        )
    }

    fn inbox(&self, entry: &InboxEntry) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO inbox (key, at) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING",
            (&entry.key, nanoseconds(entry.at)),
        )
    }

    fn outbox_done(&self, id: &str) -> Result<(), Fault> {
        self.execute("DELETE FROM outbox WHERE id = $1", [id])
    }

    fn outbox_add(&self, entry: &OutboxEntry) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO outbox (seq, id, topic, body)
             VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM outbox), $1, $2, $3)
             ON CONFLICT (id) DO NOTHING",
            (
                &entry.event.id,
                entry.topic.name(),
                json("outbox", &entry.event)?,
            ),
        )
    }

    fn dirty_done(&self, key: &str) -> Result<(), Fault> {
        self.execute("DELETE FROM dirty WHERE key = $1", [key])
    }

    fn dirty_add(&self, key: &str) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO dirty (key) VALUES ($1) ON CONFLICT (key) DO NOTHING",
            [key],
        )
    }

    fn history(&self, transition: &Transition) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO history (hour, seq, build, body)
             VALUES ($1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM history WHERE hour = $1), $2, $3)",
            (
                hour(transition.at),
                transition.build.as_ref().map_or("", |build| build.as_str()),
                json("history", transition)?,
            ),
        )
    }

    fn feed(&self, event: &FeedEvent) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO feed (at, body) VALUES ($1, $2)
             ON CONFLICT (at) DO UPDATE SET body = excluded.body",
            (nanoseconds(event.time), json("feed", event)?),
        )
    }

    fn owned(&self, machine: &OwnedMachine) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO owned_machine (name, body) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (machine.name.as_str(), json("owned_machine", machine)?),
        )
    }

    fn decision(&self, epoch: Epoch, decision: &Decision) -> Result<(), Fault> {
        self.execute(
            "INSERT INTO decision (seq, epoch, at, config_digest, inputs)
             VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM decision), $1, $2, $3, $4)",
            (
                epoch.0,
                nanoseconds(decision.at),
                &decision.config_digest,
                &decision.inputs,
            ),
        )
    }

    fn forget(&self, batch: &Batch) -> Result<(), Fault> {
        self.sweep(
            batch.forget_inbox_before.map(nanoseconds),
            "DELETE FROM inbox WHERE key IN (SELECT key FROM inbox WHERE at < $1 ORDER BY at LIMIT $2)",
        )?;
        self.sweep(
            batch.forget_feed_before.map(nanoseconds),
            "DELETE FROM feed WHERE at IN (SELECT at FROM feed WHERE at < $1 ORDER BY at LIMIT $2)",
        )?;
        self.sweep(
            batch.forget_history_before.map(hour),
            "DELETE FROM history WHERE (hour, seq) IN
             (SELECT hour, seq FROM history WHERE hour < $1 ORDER BY hour, seq LIMIT $2)",
        )?;
        self.sweep(
            batch.forget_decisions_before.map(nanoseconds),
            "DELETE FROM decision WHERE seq IN (SELECT seq FROM decision WHERE at < $1
             AND seq < (SELECT MAX(seq) FROM decision) ORDER BY at LIMIT $2)",
        )
    }

    fn sweep(&self, before: Option<i64>, sql: &str) -> Result<(), Fault> {
        match before {
            Some(before) => self.execute(sql, (before, FORGET_AT_ONCE)),
            None => Ok(()),
        }
    }
}
