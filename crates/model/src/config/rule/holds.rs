//! Does a rule hold?

use std::cmp::Ordering;

use super::{Compare, Facts, Policies, Rule, Subject};
use crate::config::pattern::matches;
use crate::config::version::{GoVersion, Line};

impl Facts<'_> {
    fn of(&self, subject: Subject) -> &str {
        match subject {
            Subject::Repo => self.repo,
            Subject::Branch => self.branch,
            Subject::Go => self.go,
            Subject::Builder => self.builder,
            Subject::Test => self.test,
        }
    }
}

impl Rule {
    /// Whether it holds. A policy that does not exist holds nowhere: configurations with one are refused.
    #[must_use]
    pub fn holds(&self, facts: &Facts<'_>, policies: &Policies) -> bool {
        match self {
            Self::Always(holds) => *holds,
            Self::Try => facts.is_try,
            Self::Policy(name) => policies
                .get(name)
                .is_some_and(|rule| rule.holds(facts, policies)),
            Self::Not(rule) => !rule.holds(facts, policies),
            Self::All(rules) => rules.iter().all(|rule| rule.holds(facts, policies)),
            Self::Any(rules) => rules.iter().any(|rule| rule.holds(facts, policies)),
            Self::Equal { subject, not, text } => (facts.of(*subject) == text) != *not,
            Self::In {
                subject,
                not,
                texts,
            } => texts.iter().any(|text| facts.of(*subject) == text) != *not,
            Self::Like {
                subject,
                not,
                patterns,
            } => {
                let fits = |pattern: &String| matches(pattern, facts.of(*subject));
                patterns.iter().any(fits) != *not
            }
            Self::Version {
                subject,
                compare,
                version,
            } => compares(Line::of(facts.of(*subject)), *compare, *version),
            Self::Release { subject } => {
                matches!(Line::of(facts.of(*subject)), Line::Release(_))
            }
        }
    }
}

fn compares(line: Line, compare: Compare, version: GoVersion) -> bool {
    let order = match line {
        Line::Release(release) => release.cmp(&version),
        Line::Newest => Ordering::Greater,
        Line::Other => return false,
    };
    match compare {
        Compare::Same => order.is_eq(),
        Compare::Other => order.is_ne(),
        Compare::Below => order.is_lt(),
        Compare::AtMost => order.is_le(),
        Compare::Above => order.is_gt(),
        Compare::AtLeast => order.is_ge(),
    }
}
