//! What hubs and troubles said last: a leader that begins anew from its records is told it again at once, and so goes on
//! as if it had heard it in this moment.

use std::collections::BTreeMap;

use farm_core::Fact;
use farm_model::id::{HubId, MachineId};
use farm_model::message::progress::{HubHeartbeat, MachineGone, MachineReport};

/// The last words of each.
#[derive(Debug, Default)]
pub(super) struct Echo {
    hubs: BTreeMap<HubId, Hub>,
    troubles: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Hub {
    /// Its last heartbeat, without machines.
    last: HubHeartbeat,
    /// Each with the number of the heartbeat that spoke of it last.
    machines: BTreeMap<MachineId, (u64, MachineReport)>,
}

impl Echo {
    /// Remembers what may be said again.
    pub(super) fn hear(&mut self, fact: &Fact) {
        match fact {
            Fact::Heartbeat(beat) => self.beat(beat),
            Fact::MachineGone(gone) => self.gone(gone),
            Fact::Trouble { about, text } => match text {
                Some(text) => drop(self.troubles.insert(about.clone(), text.clone())),
                None => drop(self.troubles.remove(about)),
            },
            _ => {}
        }
    }

    fn beat(&mut self, beat: &HubHeartbeat) {
        let bare = HubHeartbeat {
            machines: Vec::new(),
            ..beat.clone()
        };
        let hub = self.hubs.entry(beat.hub.clone()).or_insert_with(|| Hub {
            last: bare.clone(),
            machines: BTreeMap::new(),
        });
        if hub.last.session < beat.session {
            hub.machines.clear();
            hub.last = bare;
        } else if hub.last.session == beat.session && hub.last.seq < beat.seq {
            hub.last = bare;
        }
        if hub.last.session != beat.session {
            return;
        }
        for report in &beat.machines {
            let known = hub.machines.get(&report.machine).map_or(0, |(seq, _)| *seq);
            if known < beat.seq {
                let said = (beat.seq, report.clone());
                hub.machines.insert(report.machine.clone(), said);
            }
        }
    }

    fn gone(&mut self, gone: &MachineGone) {
        if let Some(hub) = self.hubs.get_mut(&gone.hub)
            && hub.last.session == gone.session
        {
            hub.machines
                .retain(|machine, (seq, _)| *machine != gone.machine || *seq > gone.seq);
        }
    }

    /// Forgets hubs that are not among these: nobody hears of them any more.
    pub(super) fn keep(&mut self, lives: impl Fn(&HubId) -> bool) {
        self.hubs.retain(|hub, _| lives(hub));
    }

    /// All of it, to be said again.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let troubles = self.troubles.iter().map(|(about, text)| Fact::Trouble {
            about: about.clone(),
            text: Some(text.clone()),
        });
        let beats = self.hubs.values().flat_map(Hub::beats);
        troubles.chain(beats.map(Fact::Heartbeat)).collect()
    }
}

impl Hub {
    /// One for each number, the last of them the newest.
    fn beats(&self) -> Vec<HubHeartbeat> {
        let mut by_seq: BTreeMap<u64, Vec<MachineReport>> = BTreeMap::new();
        for (seq, report) in self.machines.values() {
            by_seq.entry(*seq).or_default().push(report.clone());
        }
        by_seq.entry(self.last.seq).or_default();
        by_seq
            .into_iter()
            .map(|(seq, machines)| HubHeartbeat {
                seq,
                machines,
                ..self.last.clone()
            })
            .collect()
    }
}
