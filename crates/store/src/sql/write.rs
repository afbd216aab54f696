//! Writing a batch: a few statements a table.

use std::collections::BTreeMap;

use farm_model::kept::{Kept, KeptKey};
use farm_model::record::{Branch, Build, Numbered, OwnedMachine, Run, Transition};
use farm_model::view::FeedEvent;
use serde::Serialize;

use super::insert::{Record, delete, insert};
use super::table::{
    BRANCH, BUILD, COMMIT, CONFIG, DECISION, DIRTY, FEED, HISTORY, INBOX, KEPT, OUTBOX,
    OWNED_MACHINE, RUN, VIEW_VERSION,
};
use super::{Sql, Value, hour, nanoseconds, number, read};
use crate::fault::Fault;
use crate::{
    Batch, ConfigRecord, Decision, Epoch, FORGET_AT_ONCE, InboxEntry, OutboxEntry, ViewVersion,
};

/// Makes its caller the leader.
pub fn next_epoch(sql: &mut dyn Sql) -> Result<Epoch, Fault> {
    let text = "UPDATE leader SET epoch = epoch + 1, renewed = 0 WHERE id = 1 RETURNING epoch";
    read::one(sql, text, &[], |row| row.integer(0).map(Epoch))?.ok_or(Fault::NoAnswer)
}

/// Shows that the leader of `epoch` lives. False if another one leads; none can take over before the transaction ends.
pub fn renew(sql: &mut dyn Sql, epoch: Epoch) -> Result<bool, Fault> {
    let text =
        "UPDATE leader SET renewed = renewed + 1 WHERE id = 1 AND epoch = $1 RETURNING epoch";
    let epoch = [Value::Integer(epoch.0)];
    Ok(read::one(sql, text, &epoch, |row| row.integer(0))?.is_some())
}

/// Writes all of `batch`.
pub fn batch(sql: &mut dyn Sql, epoch: Epoch, batch: &Batch) -> Result<(), Fault> {
    insert(sql, &BRANCH, records(&batch.branches, branch)?)?;
    numbers(sql, &batch.numbers)?;
    insert(sql, &BUILD, records(&batch.builds, build)?)?;
    insert(sql, &RUN, records(&batch.runs, run)?)?;
    configs(sql, batch.config.as_ref())?;
    insert(sql, &INBOX, records(&batch.inbox, inbox)?)?;
    delete(sql, &OUTBOX, records(&batch.outbox_done, text)?)?;
    outbox(sql, &batch.outbox_add)?;
    delete(sql, &DIRTY, records(&batch.dirty_done, text)?)?;
    insert(sql, &DIRTY, records(&batch.dirty_add, text)?)?;
    history(sql, &batch.history)?;
    insert(sql, &FEED, records(&batch.feed, feed)?)?;
    insert(sql, &OWNED_MACHINE, records(&batch.owned, owned)?)?;
    kept(sql, &batch.kept)?;
    insert(sql, &VIEW_VERSION, records(&batch.views, view)?)?;
    decisions(sql, epoch, batch.decision.as_ref())?;
    forget(sql, batch)
}

fn records<'a, T>(
    items: &'a [T],
    record: impl Fn(&'a T) -> Result<Record<'a>, Fault>,
) -> Result<Vec<Record<'a>>, Fault> {
    items.iter().map(record).collect()
}

fn json<T: Serialize>(table: &'static str, record: &T) -> Result<Value<'static>, Fault> {
    serde_json::to_string(record)
        .map(Value::from)
        .map_err(|error| Fault::Encode { table, error })
}

fn text(text: &String) -> Result<Record<'_>, Fault> {
    Ok(vec![text.into()])
}

fn branch(branch: &Branch) -> Result<Record<'_>, Fault> {
    Ok(vec![
        branch.repo.as_str().into(),
        (&branch.name).into(),
        branch.observed.into(),
        json("branch", branch)?,
    ])
}

/// Those that a branch has no more go first: it may have others under their numbers.
fn numbers(sql: &mut dyn Sql, changes: &[Numbered]) -> Result<(), Fault> {
    for of in changes {
        let end = [
            of.repo.as_str().into(),
            (&of.branch).into(),
            number(of.total).into(),
        ];
        sql.execute(
            "DELETE FROM commit_number WHERE repo = $1 AND branch = $2 AND number >= $3",
            &end,
        )?;
        let numbered = (of.first..).zip(&of.commits);
        let records: Result<Vec<_>, Fault> = numbered
            .map(|(at, commit)| {
                Ok(vec![
                    of.repo.as_str().into(),
                    (&of.branch).into(),
                    number(at).into(),
                    commit.id.as_str().into(),
                    json("commit_number", commit)?,
                ])
            })
            .collect();
        insert(sql, &COMMIT, records?)?;
    }
    Ok(())
}

fn build(build: &Build) -> Result<Record<'_>, Fault> {
    Ok(vec![
        build.id.as_str().into(),
        build.key.repo.as_str().into(),
        build.key.commit.as_str().into(),
        build.key.builder.as_str().into(),
        build.wanted.into(),
        json("build", build)?,
    ])
}

fn run(run: &Run) -> Result<Record<'_>, Fault> {
    let verdict = run.verdict.as_ref();
    Ok(vec![
        run.build.as_str().into(),
        i64::from(run.number).into(),
        run.opened.into(),
        verdict.map(|verdict| verdict.outcome.as_str()).into(),
        verdict.map(|verdict| verdict.at).into(),
        json("run", run)?,
    ])
}

fn inbox(entry: &InboxEntry) -> Result<Record<'_>, Fault> {
    Ok(vec![(&entry.key).into(), entry.at.into()])
}

fn feed(event: &FeedEvent) -> Result<Record<'_>, Fault> {
    Ok(vec![event.time.into(), json("feed", event)?])
}

fn owned(machine: &OwnedMachine) -> Result<Record<'_>, Fault> {
    Ok(vec![
        machine.name.as_str().into(),
        json("owned_machine", machine)?,
    ])
}

fn view(view: &ViewVersion) -> Result<Record<'_>, Fault> {
    Ok(vec![
        (&view.key).into(),
        (&view.version).into(),
        view.at.into(),
    ])
}

/// The last word on each key counts.
fn kept(sql: &mut dyn Sql, changes: &[(KeptKey, Option<Kept>)]) -> Result<(), Fault> {
    let last: BTreeMap<_, _> = changes.iter().map(|(key, to)| (key, to)).collect();
    let (mut gone, mut there) = (Vec::new(), Vec::new());
    for (key, to) in last {
        let mut record: Record<'_> = vec![key.kind.as_str().into(), (&key.key).into()];
        match to {
            None => gone.push(record),
            Some(to) => {
                record.push(json("kept", to)?);
                there.push(record);
            }
        }
    }
    delete(sql, &KEPT, gone)?;
    insert(sql, &KEPT, there)
}

fn configs(sql: &mut dyn Sql, config: Option<&ConfigRecord>) -> Result<(), Fault> {
    let Some(config) = config else { return Ok(()) };
    let record = vec![
        (&config.digest).into(),
        next(sql, "SELECT COALESCE(MAX(seq), 0) + 1 FROM config", &[])?.into(),
        (&config.source).into(),
        (&config.text).into(),
    ];
    insert(sql, &CONFIG, vec![record])
}

fn outbox(sql: &mut dyn Sql, entries: &[OutboxEntry]) -> Result<(), Fault> {
    if entries.is_empty() {
        return Ok(());
    }
    let first = next(sql, "SELECT COALESCE(MAX(seq), 0) + 1 FROM outbox", &[])?;
    let numbered = (first..).zip(entries);
    let records: Result<Vec<_>, Fault> =
        numbered.map(|(seq, entry)| outgoing(seq, entry)).collect();
    insert(sql, &OUTBOX, records?)
}

fn outgoing(seq: i64, entry: &OutboxEntry) -> Result<Record<'_>, Fault> {
    Ok(vec![
        (&entry.event.id).into(),
        seq.into(),
        entry.topic.name().into(),
        json("outbox", &entry.event)?,
    ])
}

/// Numbered from 1 in each hour.
fn history(sql: &mut dyn Sql, transitions: &[Transition]) -> Result<(), Fault> {
    let newest = "SELECT COALESCE(MAX(seq), 0) + 1 FROM history WHERE hour = $1";
    let mut numbers: BTreeMap<i64, i64> = BTreeMap::new();
    let mut records = Vec::with_capacity(transitions.len());
    for transition in transitions {
        let hour = hour(transition.at);
        let number = match numbers.get(&hour) {
            Some(last) => last + 1,
            None => next(sql, newest, &[hour.into()])?,
        };
        numbers.insert(hour, number);
        records.push(vec![
            hour.into(),
            number.into(),
            transition
                .build
                .as_ref()
                .map_or("", |build| build.as_str())
                .into(),
            json("history", transition)?,
        ]);
    }
    insert(sql, &HISTORY, records)
}

fn decisions(sql: &mut dyn Sql, epoch: Epoch, decision: Option<&Decision>) -> Result<(), Fault> {
    let Some(decision) = decision else {
        return Ok(());
    };
    let record = vec![
        next(sql, "SELECT COALESCE(MAX(seq), 0) + 1 FROM decision", &[])?.into(),
        epoch.0.into(),
        decision.at.into(),
        (&decision.config_digest).into(),
        (&decision.inputs).into(),
    ];
    insert(sql, &DECISION, vec![record])
}

/// Numbers cannot be taken twice: the leader's row is held, so nobody else writes.
fn next(sql: &mut dyn Sql, text: &str, params: &[Value<'_>]) -> Result<i64, Fault> {
    read::one(sql, text, params, |row| row.integer(0))?.ok_or(Fault::NoAnswer)
}

fn forget(sql: &mut dyn Sql, batch: &Batch) -> Result<(), Fault> {
    sweep(
        sql,
        batch.forget_inbox_before.map(nanoseconds),
        "DELETE FROM inbox WHERE key IN (SELECT key FROM inbox WHERE at < $1 ORDER BY at LIMIT $2)",
    )?;
    sweep(
        sql,
        batch.forget_feed_before.map(nanoseconds),
        "DELETE FROM feed WHERE at IN (SELECT at FROM feed WHERE at < $1 ORDER BY at LIMIT $2)",
    )?;
    sweep(
        sql,
        batch.forget_history_before.map(hour),
        "DELETE FROM history WHERE (hour, seq) IN
         (SELECT hour, seq FROM history WHERE hour < $1 ORDER BY hour, seq LIMIT $2)",
    )?;
    sweep(
        sql,
        batch.forget_views_before.map(nanoseconds),
        "DELETE FROM view_version WHERE key IN
         (SELECT key FROM view_version WHERE written_at < $1 ORDER BY written_at LIMIT $2)",
    )?;
    sweep(
        sql,
        batch.forget_decisions_before.map(nanoseconds),
        "DELETE FROM decision WHERE seq IN (SELECT seq FROM decision WHERE at < $1
         AND seq < (SELECT MAX(seq) FROM decision) ORDER BY at LIMIT $2)",
    )
}

fn sweep(sql: &mut dyn Sql, before: Option<i64>, text: &str) -> Result<(), Fault> {
    match before {
        Some(before) => sql.execute(text, &[before.into(), i64::from(FORGET_AT_ONCE).into()]),
        None => Ok(()),
    }
}
