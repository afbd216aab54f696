//! Tells the coordinator that this hub lives and what it holds: every machine each period, a change at once.

use std::sync::Arc;
use std::time::Duration;

use farm_model::event::Event;
use farm_model::id::MachineId;
use farm_model::message::progress::{HubHeartbeat, MachineGone, MachineReport};
use tokio::time::{MissedTickBehavior, interval};

use crate::machines::{News, Registry, Scope};
use crate::teller::{Identity, Teller};

/// Machines in one message: at most about 100 KiB of it, with all labels that a machine can have.
const PART: usize = 120;

/// The one task that tells of machines.
pub struct Heartbeat {
    /// Who speaks.
    pub identity: Identity,
    /// Of whom.
    pub registry: Arc<Registry>,
    /// Where.
    pub teller: Teller,
    /// How often at least.
    pub period: Duration,
}

impl Heartbeat {
    /// Beats until it is dropped.
    pub async fn run(self) {
        let mut ticks = interval(self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let scope = tokio::select! {
                _ = ticks.tick() => Scope::All,
                () = self.registry.changed() => Scope::Changed,
            };
            self.beat(scope).await;
        }
    }

    async fn beat(&self, scope: Scope) {
        let news = self.registry.news(scope, PART);
        let told = match self.events(&news) {
            Ok(events) => self
                .teller
                .tell_all(&events)
                .await
                .map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::warn!(%error, "a heartbeat was not published");
            self.registry.untold(news);
        }
    }

    fn events(&self, news: &News) -> anyhow::Result<Vec<Event>> {
        let mut seqs = news.first_seq..;
        let mut events = Vec::new();
        for (machine, reason) in &news.gone {
            let seq = seqs.next().unwrap_or_default();
            events.push(self.gone(seq, machine, reason)?);
        }
        // A hub without machines speaks, too.
        let none: &[MachineReport] = &[];
        let parts = if news.present.is_empty() {
            vec![none]
        } else {
            news.present.chunks(PART).collect()
        };
        for part in parts {
            let seq = seqs.next().unwrap_or_default();
            events.push(self.present(seq, news.draining, part)?);
        }
        Ok(events)
    }

    fn gone(&self, seq: u64, machine: &MachineId, reason: &str) -> anyhow::Result<Event> {
        let gone = MachineGone {
            hub: self.identity.hub.clone(),
            session: self.identity.session.clone(),
            seq,
            machine: machine.clone(),
            reason: reason.to_owned(),
            dismissed: false,
        };
        self.identity.event(&format!("hub:{seq}"), &gone)
    }

    fn present(
        &self,
        seq: u64,
        draining: bool,
        machines: &[MachineReport],
    ) -> anyhow::Result<Event> {
        let beat = HubHeartbeat {
            hub: self.identity.hub.clone(),
            session: self.identity.session.clone(),
            seq,
            at: self.identity.now(),
            period_milliseconds: u64::try_from(self.period.as_millis()).unwrap_or(u64::MAX),
            draining,
            machines: machines.to_vec(),
        };
        self.identity.event(&format!("hub:{seq}"), &beat)
    }
}
