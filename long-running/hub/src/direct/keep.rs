//! The life of one machine that is dialed.

use std::sync::Arc;

use farm_model::id::{HubId, MachineId};
use farm_wire::stream::Connect;
use tokio::task::JoinSet;

use super::DirectMachine;
use super::probe::{Patience, probe};
use crate::attempt::HALT;
use crate::machines::{Checks, DirectLine, Machine, Reach, Registry, attend, first_status};
use crate::metrics::Dials;

/// Keeps machines that are dialed.
#[derive(Clone)]
pub struct Keeper {
    /// This hub.
    pub hub: HubId,
    /// Where they go.
    pub registry: Arc<Registry>,
    /// How idle ones are looked after.
    pub checks: Checks,
    /// Where dials are counted.
    pub dials: Dials,
}

/// Why a machine is not taken in now.
enum NotNow {
    /// It does not answer yet.
    Away(String),
    /// It does, and is of no use.
    Useless(String),
}

impl Keeper {
    /// Keeps all of `machines` until it is dropped.
    pub async fn run(self, machines: Vec<DirectMachine>) {
        let mut lives = JoinSet::new();
        for machine in machines {
            lives.spawn(self.clone().keep(machine));
        }
        while let Some(ended) = lives.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a directly dialed machine's task failed");
            }
        }
        std::future::pending().await
    }

    /// Dials it, holds it while it is of use, and dials it again.
    async fn keep(self, settings: DirectMachine) {
        let (connect, id) = match (settings.connect(), self.id(&settings)) {
            (Ok(connect), Ok(id)) => (connect, id),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(machine = %settings.name, "cannot be dialed: {error:#}");
                return;
            }
        };
        let mut patience = Patience::new();
        let mut said = String::new();
        loop {
            match self.take_in(&settings, &id, &connect).await {
                Ok(machine) => {
                    tracing::info!(machine = %id, address = %settings.address, "a machine was dialed");
                    self.hold(machine).await;
                    patience = Patience::new();
                    said.clear();
                    patience.wait().await;
                }
                Err(NotNow::Away(why)) => {
                    if patience.is_over() && said != why {
                        tracing::warn!(machine = %id, address = %settings.address, %why, "a machine is not there");
                        said = why;
                    }
                    patience.wait().await;
                }
                Err(NotNow::Useless(why)) => {
                    if said != why {
                        tracing::warn!(machine = %id, address = %settings.address, %why, "a machine is of no use");
                        said = why;
                    }
                    patience.wait_long().await;
                }
            }
        }
    }

    fn id(&self, settings: &DirectMachine) -> anyhow::Result<MachineId> {
        Ok(MachineId::on(&self.hub, settings.name.as_str())?)
    }

    /// Asks whether it is there and what it is, and adds it to the others.
    async fn take_in(
        &self,
        settings: &DirectMachine,
        id: &MachineId,
        connect: &Arc<dyn Connect>,
    ) -> Result<Arc<Machine>, NotNow> {
        let name = settings.name.as_str();
        probe(connect.as_ref(), name).await.map_err(NotNow::Away)?;
        let password = settings.password.as_ref().map(|secret| secret.0.clone());
        let line = DirectLine::new(Arc::clone(connect), password);
        let reach = Reach::Direct(Arc::new(line));
        let client = reach.client(name, &self.dials);
        if self.registry.owes_halt(id) {
            if client.halt_within(HALT).await {
                self.registry.halted(id);
            }
            let text = "it was not halted after its last attempt: it is told to now";
            return Err(NotNow::Away(text.to_owned()));
        }
        let version = first_status(&client, &self.checks).await;
        let version = version.map_err(NotNow::Useless)?;
        if self.registry.is_draining() {
            return Err(NotNow::Away("the hub is shutting down".to_owned()));
        }
        if self.registry.get(id).is_some() {
            let text = "a machine of that name has dialed in: give one of them another name";
            return Err(NotNow::Useless(text.to_owned()));
        }
        if !self.registry.has_room() {
            return Err(NotNow::Useless("the hub is full".to_owned()));
        }
        let machine = Machine::new(
            id.clone(),
            settings.host_type.clone(),
            version,
            name.to_owned(),
            (reach, client),
        );
        let machine = Arc::new(machine.counted(&self.dials));
        if let Some(replaced) = self.registry.add(Arc::clone(&machine)) {
            replaced.close();
        }
        Ok(machine)
    }

    /// Looks after it until it is of no use any more.
    async fn hold(&self, machine: Arc<Machine>) {
        let held = Held {
            registry: &self.registry,
            machine,
        };
        let reason = tokio::select! {
            reason = attend(&held.machine, &self.registry, &self.checks) => reason,
            () = held.machine.closed() => "it is not used any more".to_owned(),
        };
        tracing::info!(machine = %held.machine.id, %reason, "a machine is gone");
        self.registry.remove(&held.machine, &reason);
    }
}

/// A machine in the registry; taken out however its task ends.
struct Held<'a> {
    registry: &'a Registry,
    machine: Arc<Machine>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.registry.remove(&self.machine, "its task ended");
        self.machine.close();
    }
}
