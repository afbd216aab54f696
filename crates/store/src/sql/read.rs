//! Reading. Every query of records gives a key first, which only errors use, and the record's JSON second.
//!
//! What is in order of text is sorted here: a PostgreSQL database may sort by the rules of a language.

use std::collections::BTreeMap;
use std::ops::Range;

use farm_model::Timestamp;
use farm_model::event::Event;
use farm_model::id::{BuildId, BuilderName, CommitId, RepoName};
use farm_model::kept::{Kept, KeptKind};
use farm_model::record::{Branch, Build, CommitInfo, Run, Transition};
use serde::de::DeserializeOwned;

use super::insert::{in_portions, places as places_of};
use super::{Row, Sql, Value, hour, number, parse};
use crate::fault::Fault;
use crate::{
    ConfigRecord, Decision, Epoch, InboxEntry, Keep, Leader, Loaded, NumberedDecision, OutboxEntry,
    Placed, RunMark, ViewVersion, Which,
};

/// Whether the leader is the one that was seen, and has shown no sign of life since; nobody else can take over before the
/// transaction ends.
pub fn stands(sql: &mut dyn Sql, seen: Leader) -> Result<bool, Fault> {
    let text = format!(
        "SELECT epoch, renewed FROM leader WHERE id = 1{}",
        sql.locking()
    );
    let (epoch, renewed) = one(sql, &text, &[], |row| {
        Ok((row.integer(0)?, row.integer(1)?))
    })?
    .ok_or(Fault::NoAnswer)?;
    Ok((Epoch(epoch), renewed) == (seen.epoch, seen.renewed))
}

/// Who leads, and whether it is there.
pub fn leader(sql: &mut dyn Sql) -> Result<Leader, Fault> {
    let text = "SELECT epoch, renewed FROM leader WHERE id = 1";
    let (epoch, renewed) = one(sql, text, &[], |row| Ok((row.integer(0)?, row.integer(1)?)))?
        .ok_or(Fault::NoAnswer)?;
    Ok(Leader {
        epoch: Epoch(epoch),
        renewed,
        present: epoch > 0 && sql.seat_taken(epoch)?,
    })
}

/// Everything that a leader starts from, as of the moment of the transaction.
pub fn loaded(sql: &mut dyn Sql, epoch: Epoch, keep: Keep) -> Result<Loaded, Fault> {
    let mut branches: Vec<Branch> = records(sql, "branch", "SELECT name, body FROM branch", &[])?;
    branches.sort_by(|a, b| (&a.repo, &a.name).cmp(&(&b.repo, &b.name)));
    let (builds, runs) = match keep {
        Keep::Everything => everything(sql)?,
        Keep::FinishedSince(since) => shown(sql, &branches, since)?,
    };
    let mut dirty = texts(sql, "SELECT key FROM dirty")?;
    dirty.sort();
    Ok(Loaded {
        epoch,
        branches,
        builds,
        runs,
        inbox: inbox(sql)?,
        outbox: outbox(sql)?,
        dirty,
        config: config(sql)?,
        feed: records(sql, "feed", "SELECT body, body FROM feed ORDER BY at", &[])?,
        owned: sorted(
            records(
                sql,
                "owned_machine",
                "SELECT name, body FROM owned_machine",
                &[],
            )?,
            |machine: &farm_model::record::OwnedMachine| machine.name.clone(),
        ),
        kept: sorted(
            records(sql, "kept", "SELECT key, body FROM kept", &[])?,
            Kept::key,
        ),
        views: views(sql)?,
    })
}

/// Builds, oldest first, and runs, by build and number.
type Builds = (Vec<Build>, Vec<Run>);

// The two large tables are sorted here: in the order of an index, the database would jump about in its file.
fn in_order((mut builds, mut runs): Builds) -> Builds {
    builds.sort_unstable_by(|a, b| (a.wanted, &a.id).cmp(&(b.wanted, &b.id)));
    builds.dedup_by(|a, b| a.id == b.id);
    runs.sort_unstable_by(|a, b| (&a.build, a.number).cmp(&(&b.build, b.number)));
    runs.dedup_by(|a, b| a.number == b.number && a.build == b.build);
    (builds, runs)
}

fn everything(sql: &mut dyn Sql) -> Result<Builds, Fault> {
    let builds = parse::records("build", |deal| {
        deal_all(sql, "SELECT id, body FROM build", &[], deal)
    })?;
    let runs = parse::records("run", |deal| {
        deal_all(sql, "SELECT build, body FROM run", &[], deal)
    })?;
    Ok(in_order((builds, runs)))
}

/// Builds of runs. CROSS JOIN, since SQLite then goes through them in the order of their index, which is nearly that of
/// the file; by key it would jump about in it.
const BUILDS_OF: &str =
    "SELECT b.id, b.body FROM run r CROSS JOIN build b WHERE b.id = r.build AND ";
/// The same runs.
const RUNS_OF: &str = "SELECT r.build, r.body FROM run r WHERE ";
/// The other runs of their builds.
const OTHERS_OF: &str = "SELECT o.build, o.body FROM run r CROSS JOIN run o
     WHERE o.build = r.build AND o.number <> r.number AND ";
/// Which runs: of these, only later ones than the first have others, since those before are over and those after, too.
const OPEN: &str = "r.outcome IS NULL";
const OPEN_AGAIN: &str = "r.outcome IS NULL AND r.number > 1";
const ENDED_SINCE: &str = "r.finished_at >= $1";

/// What is open, what ended lately, and what is known of commits that branches show.
fn shown(sql: &mut dyn Sql, branches: &[Branch], since: Timestamp) -> Result<Builds, Fault> {
    let since = [Value::from(since)];
    let builds = parse::records("build", |deal| {
        deal_all(sql, &format!("{BUILDS_OF}{OPEN}"), &[], deal)?;
        deal_all(sql, &format!("{BUILDS_OF}{ENDED_SINCE}"), &since, deal)?;
        in_portions(commits(branches), |portion| {
            let list = places_of(1, portion.len());
            let text = format!("SELECT id, body FROM build WHERE commit_id IN ({list})");
            deal_all(sql, &text, &portion, deal)
        })
    })?;
    let runs = parse::records("run", |deal| {
        deal_all(sql, &format!("{RUNS_OF}{OPEN}"), &[], deal)?;
        deal_all(sql, &format!("{OTHERS_OF}{OPEN_AGAIN}"), &[], deal)?;
        deal_all(sql, &format!("{RUNS_OF}{ENDED_SINCE}"), &since, deal)?;
        deal_all(sql, &format!("{OTHERS_OF}{ENDED_SINCE}"), &since, deal)?;
        in_portions(commits(branches), |portion| {
            let list = places_of(1, portion.len());
            let text = format!(
                "SELECT build, body FROM run WHERE build IN (SELECT id FROM build WHERE commit_id IN ({list}))"
            );
            deal_all(sql, &text, &portion, deal)
        })
    })?;
    Ok(in_order((builds, runs)))
}

fn commits(branches: &[Branch]) -> Vec<Value<'_>> {
    let all = branches.iter().flat_map(|branch| &branch.commits);
    let mut ids: Vec<_> = all.map(|commit| commit.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(Value::from).collect()
}

/// These builds with their runs.
pub fn builds(sql: &mut dyn Sql, ids: &[BuildId]) -> Result<Vec<(Build, Vec<Run>)>, Fault> {
    let keys = ids.iter().map(|id| Value::from(id.as_str())).collect();
    let mut found = Vec::new();
    in_portions(keys, |portion| {
        let which = format!("id IN ({})", places_of(1, portion.len()));
        found.extend(with_runs(sql, &which, &portion)?);
        Ok(())
    })?;
    Ok(found)
}

/// The builds of one builder at one commit, with their runs.
pub fn find(
    sql: &mut dyn Sql,
    builder: &BuilderName,
    commit: &CommitId,
) -> Result<Vec<(Build, Vec<Run>)>, Fault> {
    let keys = [commit.as_str().into(), builder.as_str().into()];
    with_runs(sql, "commit_id = $1 AND builder = $2", &keys)
}

/// The builds of these commits, with their runs: a few statements, however many builds there are.
pub fn builds_of(sql: &mut dyn Sql, commits: &[CommitId]) -> Result<Vec<(Build, Vec<Run>)>, Fault> {
    let keys = commits.iter().map(|id| Value::from(id.as_str())).collect();
    let mut found = Vec::new();
    in_portions(keys, |portion| {
        let which = format!("commit_id IN ({})", places_of(1, portion.len()));
        found.extend(with_runs(sql, &which, &portion)?);
        Ok(())
    })?;
    found.sort_by(|(a, _), (b, _)| (a.wanted, &a.id).cmp(&(b.wanted, &b.id)));
    Ok(found)
}

/// Runs behind `after`, in the order of an index.
pub fn runs(
    sql: &mut dyn Sql,
    which: Which,
    after: Option<&RunMark>,
    limit: u32,
) -> Result<Vec<(RunMark, Run)>, Fault> {
    let (by, those, since) = match which {
        Which::Open => ("opened_at", "outcome IS NULL", None),
        Which::EndedSince(since) => ("finished_at", "finished_at IS NOT NULL", since),
    };
    // Text of SQLite and of PostgreSQL may sort differently: each goes on by its own order.
    let text = format!(
        "SELECT build, body, {by} FROM run WHERE {those} AND {by} >= $1
         AND ({by}, build, number) > ($2, $3, $4) ORDER BY {by}, build, number LIMIT $5"
    );
    let first = since.map_or(Value::Integer(i64::MIN), Value::from);
    let (at, build, number) = after.map_or((i64::MIN, "", -1), |after| {
        (after.at, after.build.as_str(), i64::from(after.number))
    });
    let keys = [
        first,
        at.into(),
        build.into(),
        number.into(),
        i64::from(limit).into(),
    ];
    all(sql, &text, &keys, |row| {
        let run: Run = parse::record("run", row.text(0)?, row.text(1)?)?;
        let mark = RunMark {
            at: row.integer(2)?,
            build: run.build.clone(),
            number: run.number,
        };
        Ok((mark, run))
    })
}

/// The small records of a kind, by key.
pub fn kept(sql: &mut dyn Sql, kind: KeptKind) -> Result<Vec<Kept>, Fault> {
    let text = "SELECT key, body FROM kept WHERE kind = $1";
    let found = records(sql, "kept", text, &[kind.as_str().into()])?;
    Ok(sorted(found, Kept::key))
}

/// The commits of a branch that have these numbers, lowest first.
pub fn numbered(
    sql: &mut dyn Sql,
    repo: &RepoName,
    branch: &str,
    numbers: &Range<u64>,
) -> Result<Vec<(u64, CommitInfo)>, Fault> {
    let text = "SELECT commit_id, body, number FROM commit_number
         WHERE repo = $1 AND branch = $2 AND number >= $3 AND number < $4 ORDER BY number";
    let keys = [
        repo.as_str().into(),
        branch.into(),
        number(numbers.start).into(),
        number(numbers.end).into(),
    ];
    all(sql, text, &keys, |row| {
        let commit = parse::record("commit_number", row.text(0)?, row.text(1)?)?;
        Ok((count(row.integer(2)?), commit))
    })
}

/// Where a commit stands on the branches of a repository, by branch.
pub fn places(sql: &mut dyn Sql, repo: &RepoName, commit: &CommitId) -> Result<Vec<Placed>, Fault> {
    let text = "SELECT branch, body, number FROM commit_number WHERE commit_id = $1 AND repo = $2";
    let keys = [commit.as_str().into(), repo.as_str().into()];
    let found = all(sql, text, &keys, |row| {
        Ok(Placed {
            branch: row.text(0)?.to_owned(),
            number: count(row.integer(2)?),
            commit: parse::record("commit_number", row.text(0)?, row.text(1)?)?,
        })
    })?;
    Ok(sorted(found, |of| (of.branch.clone(), of.number)))
}

/// A count as the database keeps it: none is negative.
fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn with_runs(
    sql: &mut dyn Sql,
    which: &str,
    params: &[Value<'_>],
) -> Result<Vec<(Build, Vec<Run>)>, Fault> {
    let text = format!("SELECT id, body FROM build WHERE {which}");
    let builds = records(sql, "build", &text, params)?;
    let text =
        format!("SELECT build, body FROM run WHERE build IN (SELECT id FROM build WHERE {which})");
    let runs = records(sql, "run", &text, params)?;
    let (builds, runs) = in_order((builds, runs));
    let mut of_build: BTreeMap<BuildId, Vec<Run>> = BTreeMap::new();
    for run in runs {
        of_build.entry(run.build.clone()).or_default().push(run);
    }
    Ok(builds
        .into_iter()
        .map(|build| {
            let runs = of_build.remove(&build.id).unwrap_or_default();
            (build, runs)
        })
        .collect())
}

/// The transitions of the hour of `at`.
pub fn history(sql: &mut dyn Sql, at: Timestamp) -> Result<Vec<Transition>, Fault> {
    let text = "SELECT build, body FROM history WHERE hour = $1 ORDER BY seq";
    records(sql, "history", text, &[hour(at).into()])
}

/// The starts of the hours that have transitions.
pub fn history_hours(sql: &mut dyn Sql) -> Result<Vec<Timestamp>, Fault> {
    let text = "SELECT DISTINCT hour FROM history ORDER BY hour";
    all(sql, text, &[], |row| {
        let hour = row.integer(0)?;
        Ok(Timestamp::from_second(hour * 3600).unwrap_or(Timestamp::MIN))
    })
}

/// The decision log after `after`.
pub fn decisions(
    sql: &mut dyn Sql,
    after: i64,
    limit: u32,
) -> Result<Vec<NumberedDecision>, Fault> {
    let text = "SELECT seq, epoch, at, config_digest, inputs FROM decision
         WHERE seq > $1 ORDER BY seq LIMIT $2";
    all(
        sql,
        text,
        &[after.into(), i64::from(limit).into()],
        decision,
    )
}

fn decision(row: &dyn Row) -> Result<NumberedDecision, Fault> {
    // Every i64 of nanoseconds is a moment that jiff knows.
    let at = i128::from(row.integer(2)?);
    Ok(NumberedDecision {
        number: row.integer(0)?,
        epoch: Epoch(row.integer(1)?),
        decision: Decision {
            at: Timestamp::from_nanosecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
            config_digest: row.text(3)?.to_owned(),
            inputs: row.text(4)?.to_owned(),
        },
    })
}

fn config(sql: &mut dyn Sql) -> Result<Option<ConfigRecord>, Fault> {
    let newest = "SELECT digest, source, body FROM config ORDER BY seq DESC LIMIT 1";
    one(sql, newest, &[], |row| {
        Ok(ConfigRecord {
            digest: row.text(0)?.to_owned(),
            source: row.text(1)?.to_owned(),
            text: row.text(2)?.to_owned(),
        })
    })
}

fn inbox(sql: &mut dyn Sql) -> Result<Vec<InboxEntry>, Fault> {
    let mut keys = all(sql, "SELECT at, key FROM inbox", &[], |row| {
        let at = Timestamp::from_nanosecond(row.integer(0)?.into());
        let key = row.text(1)?.to_owned();
        Ok(InboxEntry {
            key,
            at: at.unwrap_or(Timestamp::UNIX_EPOCH),
        })
    })?;
    keys.sort_unstable_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    Ok(keys)
}

fn outbox(sql: &mut dyn Sql) -> Result<Vec<OutboxEntry>, Fault> {
    let text = "SELECT id, body, topic FROM outbox ORDER BY seq";
    all(sql, text, &[], |row| {
        let event: Event = parse::record("outbox", row.text(0)?, row.text(1)?)?;
        let topic = serde_json::from_value(row.text(2)?.into()).map_err(|error| Fault::Record {
            table: "outbox",
            key: event.id.clone(),
            error,
        })?;
        Ok(OutboxEntry { topic, event })
    })
}

fn views(sql: &mut dyn Sql) -> Result<Vec<ViewVersion>, Fault> {
    let text = "SELECT key, version, written_at FROM view_version";
    let views = all(sql, text, &[], |row| {
        let at = i128::from(row.integer(2)?);
        Ok(ViewVersion {
            key: row.text(0)?.to_owned(),
            version: row.text(1)?.to_owned(),
            at: Timestamp::from_nanosecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
        })
    })?;
    Ok(sorted(views, |view| view.key.clone()))
}

fn sorted<T, K: Ord>(mut records: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    records.sort_by_cached_key(key);
    records
}

fn texts(sql: &mut dyn Sql, text: &str) -> Result<Vec<String>, Fault> {
    all(sql, text, &[], |row| row.text(0).map(str::to_owned))
}

fn records<T: DeserializeOwned>(
    sql: &mut dyn Sql,
    table: &'static str,
    text: &str,
    params: &[Value<'_>],
) -> Result<Vec<T>, Fault> {
    all(sql, text, params, |row| {
        parse::record(table, row.text(0)?, row.text(1)?)
    })
}

fn deal_all(
    sql: &mut dyn Sql,
    text: &str,
    params: &[Value<'_>],
    deal: &mut dyn FnMut(&str, &str),
) -> Result<(), Fault> {
    sql.query(text, params, &mut |row| {
        deal(row.text(0)?, row.text(1)?);
        Ok(())
    })
}

fn all<T>(
    sql: &mut dyn Sql,
    text: &str,
    params: &[Value<'_>],
    read: impl Fn(&dyn Row) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut found = Vec::new();
    sql.query(text, params, &mut |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// The last row of the answer: of statements that give one at most.
pub fn one<T>(
    sql: &mut dyn Sql,
    text: &str,
    params: &[Value<'_>],
    read: impl Fn(&dyn Row) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    Ok(all(sql, text, params, read)?.pop())
}
