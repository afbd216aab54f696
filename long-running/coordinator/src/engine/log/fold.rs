//! What facts repeat is written once: most heartbeats say what the last one said, and most readings of a source find the
//! commits of the last one. Nothing is lost: the same memory on the other side unfolds them.

use std::collections::BTreeMap;

use farm_core::{Fact, Observation};
use farm_model::Timestamp;
use farm_model::id::{HubId, HubSession, MachineId, RepoName};
use farm_model::message::progress::{HubHeartbeat, MachineReport};
use farm_model::record::{Branch, CommitInfo};
use farm_model::trace::TraceParent;
use serde::{Deserialize, Serialize};

/// A fact as the log has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::engine) enum Folded {
    /// Time has passed.
    Tick,
    /// A heartbeat that says of machines what the one before it said.
    Beat {
        hub: HubId,
        session: HubSession,
        seq: u64,
        at: Timestamp,
        period: u64,
        draining: bool,
        /// The first machine of the list, which names it.
        of: MachineId,
    },
    /// A reading of a source.
    Read {
        repo: RepoName,
        at: Timestamp,
        trace: Option<TraceParent>,
        branches: Vec<Read>,
    },
    /// Anything else, as it is.
    Plain(Box<Fact>),
}

/// A branch as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Read {
    name: String,
    default: bool,
    observed: Timestamp,
    /// None where they are those of the reading before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commits: Option<Vec<CommitInfo>>,
}

/// What was said last: as much as there are machines and branches.
#[derive(Debug, Default)]
pub(in crate::engine) struct Folds {
    machines: BTreeMap<(HubId, MachineId), Vec<MachineReport>>,
    commits: BTreeMap<(RepoName, String), Vec<CommitInfo>>,
}

impl Folds {
    /// Forgets: what comes next is written in full.
    pub(in crate::engine) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(in crate::engine) fn fold(&mut self, fact: &Fact) -> Folded {
        match fact {
            Fact::Tick => Folded::Tick,
            Fact::Heartbeat(beat) => self.fold_beat(beat),
            Fact::Observed(observation) => self.fold_reading(observation),
            other => Folded::Plain(Box::new(other.clone())),
        }
    }

    fn fold_beat(&mut self, beat: &HubHeartbeat) -> Folded {
        let plain = || Folded::Plain(Box::new(Fact::Heartbeat(beat.clone())));
        let Some(first) = beat.machines.first() else {
            return plain();
        };
        let key = (beat.hub.clone(), first.machine.clone());
        if self.machines.get(&key) == Some(&beat.machines) {
            return Folded::Beat {
                hub: beat.hub.clone(),
                session: beat.session.clone(),
                seq: beat.seq,
                at: beat.at,
                period: beat.period_milliseconds,
                draining: beat.draining,
                of: first.machine.clone(),
            };
        }
        self.machines.insert(key, beat.machines.clone());
        plain()
    }

    fn fold_reading(&mut self, observation: &Observation) -> Folded {
        let fold = |branch: &Branch| self.fold_branch(branch);
        Folded::Read {
            repo: observation.repo.clone(),
            at: observation.at,
            trace: observation.trace.clone(),
            branches: observation.branches.iter().map(fold).collect(),
        }
    }

    fn fold_branch(&mut self, branch: &Branch) -> Read {
        let key = (branch.repo.clone(), branch.name.clone());
        let same = self.commits.get(&key) == Some(&branch.commits);
        if !same {
            self.commits.insert(key, branch.commits.clone());
        }
        Read {
            name: branch.name.clone(),
            default: branch.default,
            observed: branch.observed,
            commits: (!same).then(|| branch.commits.clone()),
        }
    }

    /// # Errors
    /// It refers to what was not said before.
    pub(in crate::engine) fn unfold(&mut self, folded: Folded) -> Result<Fact, String> {
        Ok(match folded {
            Folded::Tick => Fact::Tick,
            Folded::Plain(fact) => {
                // What is said in full is remembered as it was when it was written.
                self.fold(&fact);
                *fact
            }
            Folded::Beat {
                hub,
                session,
                seq,
                at,
                period,
                draining,
                of,
            } => {
                let known = self.machines.get(&(hub.clone(), of));
                let machines = known.ok_or(format!("a heartbeat of {hub} refers to none"))?;
                Fact::Heartbeat(HubHeartbeat {
                    machines: machines.clone(),
                    hub,
                    session,
                    seq,
                    at,
                    period_milliseconds: period,
                    draining,
                })
            }
            Folded::Read {
                repo,
                at,
                trace,
                branches,
            } => {
                let branches = branches
                    .into_iter()
                    .map(|read| self.unfold_branch(&repo, read))
                    .collect::<Result<_, _>>()?;
                Fact::Observed(Observation {
                    repo,
                    branches,
                    at,
                    trace,
                })
            }
        })
    }

    fn unfold_branch(&mut self, repo: &RepoName, read: Read) -> Result<Branch, String> {
        let key = (repo.clone(), read.name.clone());
        if let Some(commits) = read.commits {
            self.commits.insert(key.clone(), commits);
        }
        let known = self.commits.get(&key);
        let commits = known.ok_or(format!("a reading of {repo} refers to none"))?;
        Ok(Branch {
            repo: repo.clone(),
            name: read.name,
            default: read.default,
            commits: commits.clone(),
            total: 0,
            observed: read.observed,
        })
    }
}
