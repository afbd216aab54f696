//! Plays the log of decisions again, and compares what comes of each.

use farm_core::{Effects, Fact};
use farm_model::Timestamp;
use farm_store::NumberedDecision;

use super::checkpoint::{Checkpoint, Place};
use super::log::{Entry, Folds, Quiet, Stamp, Start, digest, unfold};
use super::mind::Mind;

/// What was decided otherwise than the log says.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The decision.
    pub number: i64,
    /// The clock that it saw.
    pub at: Timestamp,
    /// The digest of what came of it, empty for nothing.
    pub logged: String,
    /// The same, of what comes of it now.
    pub found: String,
    /// What it was made of.
    pub facts: Vec<Fact>,
}

/// Why the log cannot be played on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlayError {
    /// Another version made it.
    #[error(
        "decision {number} was made by {found}, and this is {own}: replay it with that version"
    )]
    OtherVersion {
        /// The first of them.
        number: i64,
        /// Who made it.
        found: String,
        /// Who would replay it.
        own: String,
    },
    /// It is not what this version writes.
    #[error(
        "decision {number} cannot be read, as it was logged before decisions could be replayed, or damaged: {reason}"
    )]
    Unreadable {
        /// The decision.
        number: i64,
        /// The parser's words.
        reason: String,
    },
}

/// What became of one decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Played {
    /// The same came of it.
    Same,
    /// Something else came of it.
    Other(Box<Difference>),
    /// No checkpoint lies before it.
    Skipped,
}

/// A replay under way.
#[derive(Debug, Default)]
pub struct Player {
    state: Option<State>,
    folds: Folds,
}

#[derive(Debug)]
struct State {
    mind: Mind,
    place: Place,
}

impl Player {
    /// The next decision of the log. From `checkpoint`, the one that lies directly before it, if there is one.
    ///
    /// # Errors
    /// [`PlayError`].
    pub fn play(
        &mut self,
        decision: &NumberedDecision,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Played, PlayError> {
        let number = decision.number;
        let unreadable = |reason: String| PlayError::Unreadable { number, reason };
        let entry = entry(decision)?;
        let place = place_of(decision, &entry);
        if let Some(start) = &entry.start
            && (self.state.is_some() || checkpoint.is_some())
        {
            refuse_other(number, &start.stamp)?;
        }
        let mut effects = Effects::default();
        let began = checkpoint.is_some();
        self.reach(checkpoint, &entry, place, number)?;
        let Some(state) = &mut self.state else {
            return Ok(Played::Skipped);
        };
        if !began {
            let quiet = (number, entry.quiet.as_slice());
            if let Some(difference) = replay_quiet(state, quiet, &mut self.folds)? {
                return Ok(Played::Other(Box::new(difference)));
            }
            if entry.renewed {
                self.folds.clear();
                state.mind.renew(decision.decision.at);
            }
        }
        let facts = entry.facts.into_iter().map(|fact| self.folds.unfold(fact));
        let facts: Vec<Fact> = facts.collect::<Result<_, _>>().map_err(unreadable)?;
        let at = decision.decision.at;
        state
            .mind
            .decide(facts.clone(), entry.chose, at, &mut effects);
        state.place.after += 1;
        let found = digest(&effects).map_err(|error| unreadable(error.to_string()))?;
        if found == entry.effects {
            return Ok(Played::Same);
        }
        Ok(Played::Other(Box::new(Difference {
            number,
            at,
            logged: entry.effects,
            found,
            facts,
        })))
    }

    /// Whether it has begun, and the log has no gap since.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.state.is_some()
    }

    /// Where the checkpoint that would lie directly before this decision would stand.
    ///
    /// # Errors
    /// [`PlayError::Unreadable`].
    pub fn place(decision: &NumberedDecision) -> Result<Place, PlayError> {
        Ok(place_of(decision, &entry(decision)?))
    }

    /// Comes to the state before `entry`: from a checkpoint, or from where it stands, over a restart if need be.
    fn reach(
        &mut self,
        checkpoint: Option<Checkpoint>,
        entry: &Entry,
        place: Place,
        number: i64,
    ) -> Result<(), PlayError> {
        if let Some(checkpoint) = checkpoint {
            refuse_other(number, checkpoint.stamp())?;
            let mind = Mind::begin(checkpoint.origin());
            self.folds.clear();
            self.state = Some(State { mind, place });
        } else if let (Some(start), Some(state)) = (&entry.start, &mut self.state) {
            self.folds.clear();
            *state = restarted(state, start, place);
        } else if self
            .state
            .as_ref()
            .is_some_and(|state| state.place != place)
        {
            // Something between is not in the log any more.
            self.state = None;
        }
        Ok(())
    }
}

/// A new leader began with the records that the last one left.
fn restarted(state: &State, start: &Start, place: Place) -> State {
    let saved = state.mind.farm().saved();
    State {
        mind: Mind::restore(start.policy.clone(), saved, start.at),
        place,
    }
}

fn refuse_other(number: i64, stamp: &Stamp) -> Result<(), PlayError> {
    let own = Stamp::own();
    if *stamp == own {
        return Ok(());
    }
    Err(PlayError::OtherVersion {
        number,
        found: stamp.to_string(),
        own: own.to_string(),
    })
}

fn entry(decision: &NumberedDecision) -> Result<Entry, PlayError> {
    serde_json::from_str(&decision.decision.inputs).map_err(|error| PlayError::Unreadable {
        number: decision.number,
        reason: error.to_string(),
    })
}

fn place_of(decision: &NumberedDecision, entry: &Entry) -> Place {
    Place {
        epoch: decision.epoch.number(),
        after: entry.count.saturating_sub(1),
    }
}

/// Rounds of which nothing came.
fn replay_quiet(
    state: &mut State,
    (number, quiet): (i64, &[Quiet]),
    folds: &mut Folds,
) -> Result<Option<Difference>, PlayError> {
    let unreadable = |reason: String| PlayError::Unreadable { number, reason };
    for Quiet(at, raw) in quiet {
        let at = Timestamp::from_nanosecond(i128::from(*at)).unwrap_or(Timestamp::MAX);
        let facts = unfold(raw, folds).map_err(unreadable)?;
        let mut effects = Effects::default();
        state.mind.decide(facts.clone(), true, at, &mut effects);
        if !effects.is_empty() {
            let found = digest(&effects).map_err(|error| unreadable(error.to_string()))?;
            return Ok(Some(Difference {
                number,
                at,
                logged: String::new(),
                found,
                facts,
            }));
        }
    }
    Ok(None)
}
