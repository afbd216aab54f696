//! Processes, how they end, and what must be left then.

use std::collections::BTreeSet;

use super::{Farm, Part};
use crate::{Process, leftovers, until};

impl Farm {
    /// kill -9.
    pub async fn kill(&mut self, part: Part) {
        self.running.remove(&part).unwrap().kill().await;
    }

    /// The ids of all processes.
    #[must_use]
    pub fn processes(&self) -> Vec<(Part, i32)> {
        let parts = self.running.iter().map(|(part, of)| (*part, of.id()));
        let added = self.added.iter().map(|of| (Part::Buildlet, of.id()));
        parts.chain(added).collect()
    }

    /// The most memory each part has had at once, in kB.
    #[must_use]
    pub fn peaks(&self) -> Vec<(Part, u64)> {
        self.numbers("VmHWM:")
    }

    /// The resident memory of each part, in kB.
    #[must_use]
    pub fn memory(&self) -> Vec<(Part, u64)> {
        self.numbers("VmRSS:")
    }

    fn numbers(&self, name: &str) -> Vec<(Part, u64)> {
        let number = |process: &Process| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        self.running
            .iter()
            .map(|(part, process)| (*part, number(process)))
            .collect()
    }

    /// Ends the farm in order, and accounts: nothing undelivered, nothing dead, no process left, no panic.
    pub async fn end(mut self) {
        // The coordinator last but one: what hubs said before they ended is still taken in.
        let own_machine = self.running.contains_key(&Part::Buildlet);
        let is_there = |part: &Part| own_machine || *part != Part::Buildlet;
        let order = [Part::Hub, Part::Buildlet, Part::Functions];
        for part in order.into_iter().filter(is_there) {
            self.stop(part).await;
        }
        for machine in std::mem::take(&mut self.added) {
            ended_well("a machine", machine).await;
        }
        for subscription in ["activity-coordinator", "commands-coordinator"] {
            self.is_empty(subscription).await;
            self.is_empty(&format!("dead-{subscription}")).await;
        }
        self.is_empty("dead-progress-coordinator").await;
        self.is_empty("dead-work-h1").await;
        self.is_empty("work-h1").await;
        self.stop(Part::Coordinator).await;
        self.stop(Part::Emulator).await;
        let work = self.path("work");
        until("commands to be gone", async || match leftovers(&work) {
            left if left.is_empty() => Ok(()),
            left => Err(left),
        })
        .await;
        for part in Part::ALL.into_iter().filter(is_there) {
            let log = std::fs::read_to_string(self.path(&format!("{part:?}.log"))).unwrap();
            assert!(!log.contains("panicked"), "{part:?} panicked:\n{log}");
        }
        // Told at least once, and each run with one result.
        let runs: BTreeSet<_> = self
            .told
            .values()
            .map(|(run, _)| (&run.build, run.run))
            .collect();
        assert_eq!(
            runs.len(),
            self.told.len(),
            "a run was told two results: {:?}",
            self.told
        );
    }

    /// From now on the coordinator that stood by is the coordinator.
    pub fn promote(&mut self) {
        let process = self.running.remove(&Part::Standby).unwrap();
        assert!(self.running.insert(Part::Coordinator, process).is_none());
    }

    /// SIGTERM, and an end in order.
    pub async fn stop(&mut self, part: Part) {
        let process = self.running.remove(&part).unwrap();
        ended_well(&format!("{part:?}"), process).await;
    }
}

async fn ended_well(what: &str, process: Process) {
    let log = process.log.clone();
    let status = process.stop().await;
    let said = || std::fs::read_to_string(&log).unwrap();
    assert!(status.success(), "{what} ended with {status}:\n{}", said());
}
