//! Whose machines are, and which of their keys are still good: the records that an operator, and whoever has machines made,
//! keeps in the bucket (`machines/<name>.json`).
//!
//! A machine without a record is let in if its key is right, unless records are required. A bucket that does not answer
//! locks nobody out that it did not lock out before: the last answer counts, and without one the machine is let in with a
//! warning, or told to come again later where records are required. Whoever is let in so is looked at again as soon as the
//! bucket answers.

mod known;
mod once;
mod prune;
mod sweep;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use farm_bucket::{Bucket, PutView};
use farm_model::Timestamp;
use farm_model::id::MachineName;
use farm_model::machine::MachineRecord;
use farm_wire::head::Refusal;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;

use known::{Answer, Known};

/// For the bucket to answer while a machine waits.
const READ: Duration = Duration::from_secs(2);
/// For a record to be changed.
const WRITE: Duration = Duration::from_secs(10);

/// How records are kept to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Whether a machine needs one.
    pub required: bool,
    /// How often records are looked at; for so long an answer is good for a registration.
    pub period: Duration,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self {
            required: false,
            period: Duration::from_secs(10),
        }
    }
}

/// What a machine came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The name it registers with.
    pub name: String,
    /// What it says it is.
    pub host_type: String,
    /// Ids of the keys of its own that it showed; none where it has one of 2019.
    pub key_ids: BTreeSet<String>,
}

/// Whose a machine is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Owner {
    /// Nobody's, or nobody said so.
    #[default]
    Nobody,
    /// This one's: an e-mail address.
    Is(String),
    /// That is in a record which could not be read.
    Unread,
}

/// The records, as far as this hub has asked for them.
pub struct Ledger {
    bucket: Bucket,
    settings: LedgerSettings,
    known: Mutex<Known>,
    /// One at a time: a folder does not tell two writers apart.
    using: tokio::sync::Mutex<()>,
    /// Moves on whenever something is known anew.
    turn: watch::Sender<u64>,
}

impl Ledger {
    /// The one in `bucket`.
    pub fn new(bucket: Bucket, settings: LedgerSettings) -> Arc<Self> {
        Arc::new(Self {
            bucket,
            settings,
            known: Mutex::default(),
            using: tokio::sync::Mutex::default(),
            turn: watch::Sender::new(0),
        })
    }

    /// Whether a machine whose key is right may come in. Takes seconds at most.
    ///
    /// # Errors
    /// What to tell it. The log says why.
    pub async fn admit(&self, bearer: &Bearer) -> Result<(), Refusal> {
        let answer = match bearer.name.parse() {
            Ok(name) => self.ask(&name, bearer).await,
            // Under such a name there can be none.
            Err(_) => Answer::Read(None),
        };
        if answer == Answer::Unread {
            if self.settings.required {
                return Err(Refusal::new(503, "records of machines cannot be read now"));
            }
            tracing::warn!(machine = %bearer.name, "let in without a look at its record: the bucket does not answer");
        }
        match self.fault(&answer, bearer) {
            Some(why) => {
                tracing::warn!(machine = %bearer.name, mode = %bearer.host_type, %why, "bad key");
                Err(Refusal::bad_key(&bearer.host_type))
            }
            None => Ok(()),
        }
    }

    /// Whose the machine is.
    pub fn owner(&self, name: &str) -> Owner {
        let Ok(name) = name.parse() else {
            return Owner::Nobody;
        };
        match self.known.lock().answer(&name) {
            Answer::Unread => Owner::Unread,
            Answer::Read(record) => record
                .and_then(|record| record.owner.clone())
                .map_or(Owner::Nobody, Owner::Is),
        }
    }

    /// What the machine can do beyond its host type, as far as its record has been read.
    pub fn labels(&self, name: &str) -> BTreeSet<String> {
        let Ok(name) = name.parse() else {
            return BTreeSet::new();
        };
        match self.known.lock().answer(&name) {
            Answer::Read(Some(record)) => record.labels.clone(),
            Answer::Read(None) | Answer::Unread => BTreeSet::new(),
        }
    }

    /// When the key was made from which the machine's keys follow, as far as its record has been read.
    pub fn issued(&self, name: &str) -> Option<Timestamp> {
        match self.known.lock().answer(&name.parse().ok()?) {
            Answer::Read(record) => record.map(|record| record.issued),
            Answer::Unread => None,
        }
    }

    /// Notes that a connected machine is about to be given the key `next`, which ends at `expires`: both are good then. To
    /// be done before the machine gets it; a machine without a record needs no note.
    ///
    /// # Errors
    /// It could not be noted, or the machine's key is not good any more: it must not get another.
    pub async fn renewed(
        &self,
        bearer: &Bearer,
        next: &str,
        expires: Timestamp,
    ) -> anyhow::Result<()> {
        let (Ok(name), Some(present)) = (bearer.name.parse(), bearer.key_ids.first()) else {
            return Ok(());
        };
        let noted = async {
            let Some(known) = self.bucket.get_machine(&name).await? else {
                return Ok(());
            };
            let keys = bearer.key_ids.iter().map(String::as_str);
            known.record.admits(keys)?;
            let record = known.record.renewed(present, next, expires);
            match self.bucket.put_machine(&record, Some(&known)).await? {
                PutView::Written(_) => Ok(()),
                PutView::Changed => bail!("somebody else has just changed the machine's record"),
            }
        };
        timeout(WRITE, noted)
            .await
            .context("the bucket does not answer")?
    }

    /// Returns why the machine may not stay, once it may not. What it shows changes with its key.
    pub fn barred(
        self: &Arc<Self>,
        bearer: watch::Receiver<Bearer>,
    ) -> impl Future<Output = String> + use<> {
        let ledger = Arc::clone(self);
        async move {
            let Ok(name) = bearer.borrow().name.parse::<MachineName>() else {
                return std::future::pending().await;
            };
            let _watched = Watched::new(&ledger, &name);
            let mut turns = ledger.turn.subscribe();
            loop {
                let answer = ledger.known.lock().answer(&name);
                if let Some(why) = ledger.fault(&answer, &bearer.borrow()) {
                    return why;
                }
                if turns.changed().await.is_err() {
                    return std::future::pending().await;
                }
            }
        }
    }

    fn fault(&self, answer: &Answer, bearer: &Bearer) -> Option<String> {
        match answer {
            Answer::Unread => None,
            Answer::Read(None) => {
                let text = "it has no record, and records are required: `farm machine add`";
                self.settings.required.then(|| text.to_owned())
            }
            Answer::Read(Some(record)) => {
                let keys = bearer.key_ids.iter().map(String::as_str);
                record.admits(keys).err().map(|barred| barred.to_string())
            }
        }
    }

    /// What the bucket says, or said within the period, or else last. Nobody is turned away on what it said earlier: a new
    /// key may have been made since.
    async fn ask(&self, name: &MachineName, bearer: &Bearer) -> Answer {
        let fresh = self.known.lock().fresh(name, self.settings.period);
        if let Some(answer) = fresh.filter(|answer| self.fault(answer, bearer).is_none()) {
            return answer;
        }
        match self.read(name).await {
            Some(record) => {
                let answer = Answer::Read(record);
                if self.known.lock().note(name, answer.clone(), None) {
                    // Who is connected under that name may have to go.
                    self.turn.send_modify(|turn| *turn += 1);
                }
                answer
            }
            None => self.known.lock().answer(name),
        }
    }

    /// The record, if there is one; nothing where the bucket does not answer in time.
    async fn read(&self, name: &MachineName) -> Option<Option<Arc<MachineRecord>>> {
        match timeout(READ, self.bucket.get_machine(name)).await {
            Ok(Ok(found)) => Some(found.map(|found| Arc::new(found.record))),
            Ok(Err(error)) => {
                tracing::warn!(machine = %name, %error, "cannot read a machine's record");
                None
            }
            Err(_) => {
                tracing::warn!(machine = %name, "no record of a machine within {} s", READ.as_secs());
                None
            }
        }
    }
}

/// A connected machine: what is known of it is not forgotten.
struct Watched {
    ledger: Arc<Ledger>,
    name: MachineName,
}

impl Watched {
    fn new(ledger: &Arc<Ledger>, name: &MachineName) -> Self {
        ledger.known.lock().watch(name);
        Self {
            ledger: Arc::clone(ledger),
            name: name.clone(),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.ledger.known.lock().unwatch(&self.name);
    }
}

#[cfg(test)]
mod tests;
