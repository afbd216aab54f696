//! What is done to processes, and when: a function of the seed alone.

use std::time::Duration;

use super::dice::Dice;

/// Blows after which the pause between two has doubled: a long build must get through at last.
const DOUBLES: u32 = 24;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// One disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    /// kill -9 of a machine's agent; it is started again.
    KillMachine,
    /// A machine's agent is stopped, and goes on after so long.
    FreezeMachine(Duration),
    /// The coordinator vanishes between any two steps, and is back after so long.
    CutCoordinator(Duration),
    /// The hub vanishes with all its connections.
    CutHub(Duration),
    /// A build that has ended is asked for once more, so that there is something to disturb.
    AskAgain,
}

/// A disturbance, how long after the one before, and a number to choose its victim by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) after: Duration,
    pub(super) blow: Blow,
    pub(super) pick: u64,
}

/// All disturbances of a seed, in order, without end.
#[derive(Debug)]
pub(super) struct Schedule {
    dice: Dice,
    blows: u32,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed, "processes"),
            blows: 0,
        }
    }

    fn pause(&mut self) -> Duration {
        let pause = Duration::from_millis(self.dice.between(150, 700));
        let doubled = self.blows / DOUBLES;
        self.blows = self.blows.saturating_add(1);
        pause
            .saturating_mul(2_u32.saturating_pow(doubled))
            .min(LONGEST)
    }
}

impl Iterator for Schedule {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let after = self.pause();
        let mut away = |from, to| Duration::from_millis(self.dice.between(from, to));
        let (short, long) = (away(0, 800), away(300, 4000));
        let blow = match self.dice.between(1, 12) {
            1..=2 => Blow::KillMachine,
            3 => Blow::FreezeMachine(long),
            4..=5 => Blow::CutCoordinator(short),
            6 => Blow::CutHub(short),
            _ => Blow::AskAgain,
        };
        let pick = self.dice.next();
        Some(Due { after, blow, pick })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, count: usize) -> Vec<Due> {
        Schedule::new(seed).take(count).collect()
    }

    #[test]
    fn a_seed_has_one_schedule() {
        assert_eq!(first(7, 200), first(7, 200));
        assert_ne!(first(7, 200), first(8, 200));
    }

    #[test]
    fn there_is_some_of_everything_and_ever_less_of_it() {
        let all = first(7, 500);
        let has = |wanted: fn(&Blow) -> bool| all.iter().any(|due| wanted(&due.blow));
        assert!(has(|blow| *blow == Blow::KillMachine));
        assert!(has(|blow| matches!(blow, Blow::FreezeMachine(_))));
        assert!(has(|blow| matches!(blow, Blow::CutCoordinator(_))));
        assert!(has(|blow| matches!(blow, Blow::CutHub(_))));
        assert!(has(|blow| *blow == Blow::AskAgain));
        assert!(
            all[..20]
                .iter()
                .all(|due| due.after < Duration::from_secs(1))
        );
        assert_eq!(all[499].after, LONGEST);
    }
}
