//! One reason for everything that waits; and to remove it starts it.

use farm_model::config::Canary;
use farm_model::kept::KeptKind;
use farm_model::reason::{Quota, Reason};
use proptest::prelude::*;

use super::*;
use crate::explain::explain;

impl Dialogue {
    fn why(&self, number: u32) -> Option<Reason> {
        explain(&self.farm, &self.build(number), self.now)
    }

    pub(super) fn configure(&mut self, change: impl FnOnce(&mut FarmConfig)) -> Effects {
        let mut config = self.farm.config().clone();
        change(&mut config);
        self.seq += 1;
        self.tell(Fact::Configured {
            digest: format!("d{}", self.seq),
            config: Box::new(config),
        })
    }

    fn demand(&mut self, ask: Ask) -> Effects {
        self.seq += 1;
        self.tell(Fact::Command(Command {
            id: format!("c{}", self.seq).parse().unwrap(),
            actor: "user:gopher".to_owned(),
            ask,
        }))
    }

    /// The hub says whether it takes work, and speaks of a machine with labels.
    pub(super) fn beat_with(&mut self, name: &str, draining: bool, labels: &[&str]) -> Effects {
        self.seq += 1;
        self.tell(Fact::Heartbeat(HubHeartbeat {
            hub: hub(),
            session: self.session.clone(),
            seq: self.seq,
            at: self.now,
            period_milliseconds: 2000,
            draining,
            machines: vec![MachineReport {
                machine: machine(name),
                host_type: "local".parse().unwrap(),
                version: 23,
                busy: None,
                labels: labels.iter().map(|label| (*label).to_owned()).collect(),
                identity: None,
                held: None,
                owner: None,
                owner_unread: false,
            }],
        }))
    }
}

/// What stands in the way.
#[derive(Debug, Clone, Copy)]
enum Obstacle {
    Paused,
    BuilderFull,
    HostFull,
    RepositoryFull,
    NobodyThere,
    LabelMissing,
    AllBusy,
    BackOff,
    Elsewhere,
    Drained,
    SetAside,
    HubDraining,
    Canary,
}

const ALL: [Obstacle; 13] = [
    Obstacle::Paused,
    Obstacle::BuilderFull,
    Obstacle::HostFull,
    Obstacle::RepositoryFull,
    Obstacle::NobodyThere,
    Obstacle::LabelMissing,
    Obstacle::AllBusy,
    Obstacle::BackOff,
    Obstacle::Elsewhere,
    Obstacle::Drained,
    Obstacle::SetAside,
    Obstacle::HubDraining,
    Obstacle::Canary,
];

/// Removes what it was; returns what was leased then.
type Remove = Box<dyn FnOnce(&mut Dialogue) -> Effects>;

impl Obstacle {
    /// A farm in which it alone holds up the build of commit `n`, after `before` others of which each came out well.
    fn build(self, before: u32) -> (Dialogue, u32, Remove) {
        let mut t = Dialogue::new(9, 1);
        t.beat(&[("m1", None)]);
        for number in 1..=before {
            let commits: Vec<u32> = (1..=number).rev().collect();
            let work = the_work(&t.push(&commits));
            t.finish(&work.attempt, Outcome::Ok);
        }
        let next = before + 1;
        let all = |newest: u32| (1..=newest).rev().collect::<Vec<u32>>();
        let builder = || "test".parse().unwrap();
        match self {
            Self::Paused => {
                t.demand(Ask::Pause {
                    builder: builder(),
                    reason: "flood".to_owned(),
                });
                t.push(&all(next));
                (
                    t,
                    next,
                    Box::new(move |t| t.demand(Ask::Resume { builder: builder() })),
                )
            }
            Self::BuilderFull | Self::HostFull | Self::RepositoryFull => {
                t.beat(&[("m2", None)]);
                t.configure(|config| self.limit(config, Some(1)));
                t.push(&all(next));
                t.push(&all(next + 1));
                let lift = move |t: &mut Dialogue| t.configure(|config| self.limit(config, None));
                (t, next + 1, Box::new(lift))
            }
            Self::NobodyThere => {
                t.gone("m1");
                t.push(&all(next));
                (t, next, Box::new(|t| t.beat(&[("m1", None)])))
            }
            Self::LabelMissing => {
                t.configure(|config| {
                    let builder = config.builders.values_mut().next().unwrap();
                    builder.labels = BTreeSet::from(["gpu".to_owned()]);
                });
                t.push(&all(next));
                (
                    t,
                    next,
                    Box::new(|t| t.beat_with("m1", false, &["gpu", "big"])),
                )
            }
            Self::AllBusy => {
                let running = the_work(&t.push(&all(next)));
                t.push(&all(next + 1));
                (
                    t,
                    next + 1,
                    Box::new(move |t| t.finish(&running.attempt, Outcome::Ok)),
                )
            }
            Self::BackOff => {
                let lost = the_work(&t.push(&all(next)));
                t.finish(&lost.attempt, Outcome::Lost);
                (t, next, Box::new(|t| t.wait(1)))
            }
            Self::Elsewhere => {
                let lost = the_work(&t.push(&all(next)));
                t.beat(&[("m2", None)]);
                let other = the_work(&t.push(&all(next + 1)));
                t.finish(&lost.attempt, Outcome::Lost);
                t.wait(1);
                (
                    t,
                    next,
                    Box::new(move |t| t.finish(&other.attempt, Outcome::Ok)),
                )
            }
            Self::Drained => {
                let machine = || "m1".parse().unwrap();
                t.demand(Ask::Drain {
                    machine: machine(),
                    reason: "repair".to_owned(),
                });
                t.push(&all(next));
                (
                    t,
                    next,
                    Box::new(move |t| t.demand(Ask::Undrain { machine: machine() })),
                )
            }
            Self::SetAside => {
                let mut work = vec![the_work(&t.push(&all(next)))];
                t.demand(Ask::Drain {
                    machine: "m2".parse().unwrap(),
                    reason: "repair".to_owned(),
                });
                // With a ten times longer record of good work, more has to be lost.
                while t.farm.book().of(KeptKind::Aside).next().is_none() {
                    let idle = [("m1", None), ("m2", None)];
                    work.pop()
                        .map(|work| t.finish(&work.attempt, Outcome::Lost));
                    work.extend(t.listen_to(1, &idle));
                }
                // Until no pause is left that comes of the losses.
                t.listen_to(60, &[("m1", None), ("m2", None)]);
                (
                    t,
                    next,
                    Box::new(|t| {
                        t.demand(Ask::Undrain {
                            machine: "m1".parse().unwrap(),
                        })
                    }),
                )
            }
            Self::HubDraining => {
                t.beat_with("m1", true, &[]);
                t.push(&all(next));
                (t, next, Box::new(|t| t.beat_with("m1", false, &[])))
            }
            Self::Canary => {
                let work = the_work(&t.push(&all(next)));
                t.finish(&work.attempt, Outcome::Ok);
                t.configure(|config| {
                    let host = config.hosts.values_mut().next().unwrap();
                    let builder = "test".parse().unwrap();
                    host.canary = Some(Canary {
                        builder,
                        valid_seconds: 60,
                    });
                });
                t.restart();
                t.beat(&[("m2", None)]);
                let canary = t.farm.open().next().cloned();
                t.push(&all(next + 1));
                let prove = move |t: &mut Dialogue| {
                    let run = t.farm.runs(canary.as_ref().unwrap()).last().unwrap();
                    let key = run.attempt_key(&run.jobs[0].name, 1);
                    t.finish(&key, Outcome::Ok)
                };
                (t, next + 1, Box::new(prove))
            }
        }
    }

    fn limit(self, config: &mut FarmConfig, limit: Option<u32>) {
        match self {
            Self::BuilderFull => config
                .builders
                .values_mut()
                .for_each(|of| of.max_at_once = limit),
            Self::HostFull => config
                .hosts
                .values_mut()
                .for_each(|of| of.max_at_once = limit),
            _ => config
                .repositories
                .values_mut()
                .for_each(|of| of.max_at_once = limit),
        }
    }

    /// Whether the reason names it.
    fn is_named_by(self, reason: &Reason) -> bool {
        match (self, reason) {
            (Self::Paused, Reason::Paused { by, why, .. }) => by == "user:gopher" && why == "flood",
            (Self::BuilderFull, Reason::QuotaFull { quota, limit: 1 }) => {
                matches!(quota, Quota::Builder(_))
            }
            (Self::HostFull, Reason::QuotaFull { quota, limit: 1 }) => {
                matches!(quota, Quota::Host(_))
            }
            (Self::RepositoryFull, Reason::QuotaFull { quota, limit: 1 }) => {
                matches!(quota, Quota::Repository(_))
            }
            (Self::NobodyThere, Reason::NoMachine { missing, .. }) => missing.is_empty(),
            (Self::LabelMissing, Reason::NoMachine { missing, .. }) => missing.contains("gpu"),
            (
                Self::AllBusy,
                Reason::AllBusy {
                    ahead,
                    machines,
                    expected_start,
                    ..
                },
            ) => (*ahead, *machines) == (0, 1) && expected_start.is_some(),
            (Self::BackOff, Reason::BackOff { after, .. }) => after == "why",
            (Self::Elsewhere, Reason::Elsewhere { lost_by, .. }) => *lost_by == [machine("m1")],
            (Self::Drained, Reason::MachinesAside { machines, .. }) => {
                machines[0].why == "drained by user:gopher: repair"
            }
            (Self::SetAside, Reason::MachinesAside { machines, .. }) => {
                machines[0].machine == machine("m1") && machines[0].until.is_some()
            }
            (Self::HubDraining, Reason::HubDraining { hubs, .. }) => *hubs == [hub()],
            (Self::Canary, Reason::Canary { machines, .. }) => *machines == [machine("m2")],
            _ => false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn to_remove_the_reason_starts_it(which in 0..ALL.len(), before in 0_u32..6) {
        let obstacle = ALL[which];
        let (mut t, number, remove) = obstacle.build(before);
        let reason = t.why(number).unwrap();
        prop_assert!(obstacle.is_named_by(&reason), "{obstacle:?}: {reason}");
        let again = serde_json::from_str::<Reason>(&serde_json::to_string(&reason).unwrap());
        prop_assert_eq!(again.unwrap(), reason);
        let leased = told::<RunJob>(&remove(&mut t));
        let id = t.build(number);
        prop_assert!(leased.iter().any(|work| work.attempt.build == id), "{obstacle:?}: {:?}", t.why(number));
        prop_assert!(t.why(number).unwrap().is_under_way());
    }
}

#[test]
fn what_is_over_has_no_reason_and_what_runs_says_where() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let work = the_work(&t.push(&[1]));
    assert_eq!(t.why(1).unwrap().to_string(), "steps: offered to h/m1");
    t.report(&work.attempt, 1, AttemptEvent::Accepted);
    assert!(matches!(
        t.why(1),
        Some(Reason::Running {
            expected_end: Some(_),
            ..
        })
    ));
    t.finish(&work.attempt, Outcome::Ok);
    assert_eq!(t.why(1), None);
}
