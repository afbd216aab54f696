//! Why an open build waits, or where it runs: exactly one reason, as data, with a sentence for people (design 11.2).

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{
    BuilderName, HostType, HubId, JobName, MachineId, MachineName, PoolName, RepoName,
};
use crate::order::{NotMade, OrderStand};

/// The one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// It was leased, and its hub has not answered yet.
    Offered {
        /// The job.
        job: JobName,
        /// To this machine.
        machine: MachineId,
    },
    /// It runs.
    Running {
        /// The job.
        job: JobName,
        /// On this machine.
        machine: MachineId,
        /// The step it is at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// When it will be over, if it takes as long as it usually does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_end: Option<Timestamp>,
    },
    /// It waits for another job of its run.
    Needs {
        /// That job.
        job: JobName,
    },
    /// It pauses after something went wrong.
    BackOff {
        /// Until then.
        until: Timestamp,
        /// What went wrong.
        after: String,
    },
    /// Machines that have lost it are idle, and for a while it waits for another.
    Elsewhere {
        /// Until then.
        until: Timestamp,
        /// Those that have lost it.
        lost_by: Vec<MachineId>,
    },
    /// Somebody paused its builder.
    Paused {
        /// The builder.
        builder: BuilderName,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// So many run already, and no more may.
    QuotaFull {
        /// Whose quota.
        quota: Quota,
        /// `max-at-once`.
        limit: u32,
    },
    /// No machine that it could use is connected.
    NoMachine {
        /// The host type.
        host: HostType,
        /// What machines of that type lack, those that are connected and those that its pool makes; empty where none lacks
        /// anything.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        missing: BTreeSet<String>,
        /// Who makes machines that lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolName>,
    },
    /// A machine is made for it, or could not be made yet.
    Ordered {
        /// The host type.
        host: HostType,
        /// Who makes it.
        pool: PoolName,
        /// The machine.
        machine: MachineName,
        /// How its order stands.
        stand: OrderStand,
        /// Since when.
        since: Timestamp,
    },
    /// There are as many machines as may be made of its host type, or they are on their way, for others.
    PoolFull {
        /// The host type.
        host: HostType,
        /// `most` of its pool.
        most: u32,
        /// How many jobs go before it.
        ahead: usize,
        /// Whether there are more than were counted.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        or_more: bool,
        /// When it will begin, if all take as long as they usually do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_start: Option<Timestamp>,
    },
    /// Every machine that it could use is set aside or drained.
    MachinesAside {
        /// The host type.
        host: HostType,
        /// Which, and why.
        machines: Vec<SetAside>,
    },
    /// Every machine that it could use has yet to prove itself.
    Canary {
        /// The host type.
        host: HostType,
        /// With a job of this builder.
        builder: BuilderName,
        /// Which.
        machines: Vec<MachineId>,
    },
    /// Every machine that it could use is at a hub that is being stopped.
    HubDraining {
        /// The host type.
        host: HostType,
        /// The hubs.
        hubs: Vec<HubId>,
    },
    /// Every machine that it could use works on something else.
    AllBusy {
        /// The host type.
        host: HostType,
        /// How many machines it could use.
        machines: usize,
        /// How many jobs go before it.
        ahead: usize,
        /// Whether there are more than were counted.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        or_more: bool,
        /// When it will begin, if all take as long as they usually do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected_start: Option<Timestamp>,
    },
    /// Its builder is no longer in `farm.toml`.
    NoBuilder {
        /// The builder.
        builder: BuilderName,
    },
    /// Nothing holds it up: a machine is idle, and it goes there with the next decision.
    Next {
        /// The machine.
        machine: MachineId,
    },
}

/// Whose `max-at-once`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", content = "name", rename_all = "kebab-case")]
pub enum Quota {
    /// A builder's.
    Builder(BuilderName),
    /// A host type's.
    Host(HostType),
    /// A repository's.
    Repository(RepoName),
}

/// A machine that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Which.
    pub machine: MachineId,
    /// Why, and who says so.
    pub why: String,
    /// When it is tried again; not before somebody says so where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Reason {
    /// Whether it is under way rather than waiting.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Offered { .. } | Self::Running { .. })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builder(name) => write!(f, "builder {name}"),
            Self::Host(name) => write!(f, "host type {name}"),
            Self::Repository(name) => write!(f, "repository {name}"),
        }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.machine, self.why)?;
        if let Some(until) = self.until {
            write!(f, ", until {}", second(until))?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offered { job, machine } => write!(f, "{job}: offered to {machine}"),
            Self::Running {
                job, machine, step, ..
            } => match step {
                Some(step) => write!(f, "{job}: step {step} on {machine}"),
                None => write!(f, "{job}: preparing {machine}"),
            },
            Self::Needs { job } => write!(f, "waits for {job} of the same run"),
            Self::BackOff { until, after } => {
                write!(f, "pauses until {} after: {after}", second(*until))
            }
            Self::Elsewhere { until, lost_by } => {
                let lost_by = listed(lost_by);
                let until = second(*until);
                write!(
                    f,
                    "waits until {until} for another machine than {lost_by}, which lost it"
                )
            }
            Self::Paused { builder, by, why } => {
                write!(f, "builder {builder} was paused by {by}: {why}")
            }
            Self::QuotaFull { quota, limit } => {
                write!(f, "{limit} of {quota} run at once, and no more may")
            }
            Self::NoMachine { host, missing, .. } if missing.is_empty() => {
                write!(f, "no machine of host type {host} is connected")
            }
            Self::NoMachine {
                host,
                missing,
                pool,
            } => {
                let missing: Vec<&String> = missing.iter().collect();
                write!(f, "no machine of host type {host} has {}", listed(&missing))?;
                match pool {
                    Some(pool) => write!(f, ", and pool {pool} makes none that has"),
                    None => Ok(()),
                }
            }
            Self::MachinesAside { host, machines } => {
                write!(f, "no machine of {host} is in use: {}", listed(machines))
            }
            Self::Canary {
                host,
                builder,
                machines,
            } => write!(
                f,
                "no machine of {host} has proved itself with a job of {builder} yet: {}",
                listed(machines)
            ),
            Self::HubDraining { host, hubs } => {
                write!(
                    f,
                    "every machine of {host} is at a hub that is being stopped: {}",
                    listed(hubs)
                )
            }
            Self::AllBusy {
                host,
                machines,
                ahead,
                or_more,
                expected_start,
            } => {
                let place = place(*ahead, *or_more);
                let begins = begins(*expected_start);
                write!(f, "{place}; {machines} of {host} busy{begins}")
            }
            Self::PoolFull {
                host,
                most,
                ahead,
                or_more,
                expected_start,
            } => {
                let place = place(*ahead, *or_more);
                let begins = begins(*expected_start);
                write!(
                    f,
                    "{place}; there may be {most} machines of {host}, and no more{begins}"
                )
            }
            Self::Ordered {
                host,
                pool,
                machine,
                stand,
                since,
            } => ordered(f, (host, pool, machine), stand, *since),
            Self::NoBuilder { builder } => {
                write!(f, "its builder {builder} is no longer in farm.toml")
            }
            Self::Next { machine } => write!(f, "next, on {machine}"),
        }
    }
}

/// How many go before it.
fn place(ahead: usize, or_more: bool) -> String {
    match (ahead, or_more) {
        (0, _) => "next".to_owned(),
        (_, false) => format!("{ahead} ahead of it"),
        (_, true) => format!("more than {ahead} ahead of it"),
    }
}

fn begins(expected: Option<Timestamp>) -> String {
    expected.map_or_else(String::new, |at| {
        format!("; expected to begin at {}", second(at))
    })
}

/// What a machine that was ordered is at.
fn ordered(
    f: &mut fmt::Formatter<'_>,
    (host, pool, machine): (&HostType, &PoolName, &MachineName),
    stand: &OrderStand,
    since: Timestamp,
) -> fmt::Result {
    let since = second(since);
    match stand {
        OrderStand::Wanted => write!(f, "{machine} is being made in pool {pool}, since {since}"),
        OrderStand::Waits {
            again,
            cause,
            reason,
        } => {
            match cause {
                NotMade::StockOut => write!(f, "pool {pool} has no machine for {host} now")?,
                NotMade::Quota => write!(f, "pool {pool} may have no more machines now")?,
                NotMade::Passing => write!(f, "{machine} could not be made in pool {pool}")?,
                NotMade::Refused => write!(f, "no machine of {host} can be made in pool {pool}")?,
            }
            write!(f, ": {reason}; tried again at {}", second(*again))?;
            match cause {
                NotMade::Refused => f.write_str(", or when farm.toml has changed"),
                _ => Ok(()),
            }
        }
        OrderStand::Made { place } => write!(
            f,
            "{machine} was made in {place} and has yet to register, since {since}"
        ),
        OrderStand::Here { .. } => {
            write!(f, "{machine} was made for {host} and is not connected now")
        }
        OrderStand::Ending { reason } => write!(f, "{machine} is being deleted: {reason}"),
    }
}

/// At most so many names in a sentence.
const LISTED: usize = 5;

fn listed<T: fmt::Display>(all: &[T]) -> String {
    let mut names: Vec<String> = all.iter().take(LISTED).map(T::to_string).collect();
    if all.len() > LISTED {
        names.push(format!("and {} more", all.len() - LISTED));
    }
    names.join(", ")
}

/// A moment to the second.
fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_data_and_a_sentence() {
        let reason = Reason::QuotaFull {
            quota: Quota::Builder("linux".parse().unwrap()),
            limit: 2,
        };
        assert_eq!(
            serde_json::to_string(&reason).unwrap(),
            r#"{"reason":"quota-full","quota":{"of":"builder","name":"linux"},"limit":2}"#
        );
        assert_eq!(
            reason.to_string(),
            "2 of builder linux run at once, and no more may"
        );
    }

    #[test]
    fn what_machines_lack_is_named_with_who_makes_none_that_has_it() {
        let reason = |pool: Option<&str>| Reason::NoMachine {
            host: "linux".parse().unwrap(),
            missing: ["big", "gpu"].map(str::to_owned).into(),
            pool: pool.map(|name| name.parse().unwrap()),
        };
        let missing = "no machine of host type linux has big, gpu";
        assert_eq!(reason(None).to_string(), missing);
        assert_eq!(
            reason(Some("vms")).to_string(),
            format!("{missing}, and pool vms makes none that has")
        );
        // As it was written before pools had labels.
        let json = r#"{"reason":"no-machine","host":"linux","missing":["big","gpu"]}"#;
        assert_eq!(serde_json::to_string(&reason(None)).unwrap(), json);
        assert_eq!(serde_json::from_str::<Reason>(json).unwrap(), reason(None));
    }

    #[test]
    fn long_lists_are_cut() {
        let machines: Vec<MachineId> = (0..8).map(|n| format!("h/m{n}").parse().unwrap()).collect();
        let reason = Reason::Elsewhere {
            until: Timestamp::UNIX_EPOCH,
            lost_by: machines,
        };
        assert_eq!(
            reason.to_string(),
            "waits until 1970-01-01 00:00:00 UTC for another machine than h/m0, h/m1, h/m2, h/m3, h/m4, and 3 more, which lost it"
        );
    }
}
