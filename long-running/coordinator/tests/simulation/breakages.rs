//! What broke and what is mended, as the database was told it and as people were.

use std::collections::BTreeMap;

use farm_model::event::{Event, Message};
use farm_model::kept::{Broken, Kept, KeptKey, Told};
use farm_model::message::result::{BuildersBroken, BuildersMended};
use farm_model::view::Breakage;

/// All of them.
#[derive(Default)]
pub struct Breakages {
    /// As stored.
    stored: BTreeMap<String, Told>,
    /// The event in which each was told to be broken.
    broken: BTreeMap<String, String>,
    /// The event in which each was told to be mended.
    mended: BTreeMap<String, String>,
}

impl Breakages {
    /// The database has these.
    pub fn committed(&mut self, kept: &[(KeptKey, Option<Kept>)]) {
        for kept in kept.iter().filter_map(|(_, kept)| kept.as_ref()) {
            if let Kept::Breakage(broken) = kept {
                self.stored.insert(key(&broken.breakage), broken.told);
            }
        }
    }

    /// People are told: each is told once, under one id, and what they are told is stored as told.
    pub fn published(&mut self, event: &Event) -> Result<(), String> {
        let (all, part, mended) = match event.kind.as_str() {
            BuildersMended::TYPE => {
                let told: BuildersMended = event.decode().unwrap();
                (told.breakages, told.part, true)
            }
            _ => {
                let told: BuildersBroken = event.decode().unwrap();
                (told.breakages, told.part, false)
            }
        };
        for key in all.iter().map(key) {
            let stored = self.stored.get(&key).copied().unwrap_or(Told::Never);
            let (stored, known) = match mended {
                true => (stored.mended_in(), &mut self.mended),
                false => (stored.broken_in(), &mut self.broken),
            };
            if stored != Some(part) {
                return Err(format!("{} tells of {key}, stored is {stored:?}", event.id));
            }
            let before = known.insert(key.clone(), event.id.clone());
            if before.is_some_and(|before| before != event.id) {
                return Err(format!("{} tells of {key} again", event.id));
            }
            if mended && !self.broken.contains_key(&key) {
                return Err(format!("{} tells of {key} first", event.id));
            }
        }
        Ok(())
    }

    /// At the end: what is stored as told was told.
    pub fn account(&self) -> Result<(), String> {
        for (key, told) in &self.stored {
            let broken = self.broken.contains_key(key) == told.broken_in().is_some();
            let mended = self.mended.contains_key(key) == told.mended_in().is_some();
            if !(broken && mended) {
                return Err(format!("{key} is stored as {told:?} and was not told so"));
            }
        }
        Ok(())
    }

    /// How many were told to be broken, and to be mended.
    pub fn told(&self) -> (usize, usize) {
        (self.broken.len(), self.mended.len())
    }
}

fn key(of: &Breakage) -> String {
    Broken::key(&of.builder, &of.repo, &of.branch, &of.commit)
}
