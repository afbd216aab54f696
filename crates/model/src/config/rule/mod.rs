//! Rules: which builder builds what, and which tests run, as data that reads like a sentence.
//!
//! `repo != "mobile" and (branch == "master" or go >= 1.12)`. A name alone is a rule of `[policies]`, or `try`.

mod holds;
mod parse;
mod print;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::version::GoVersion;

pub use parse::RuleError;
pub(super) use parse::is_policy_name;

/// Rules by the names that others call them by.
pub type Policies = BTreeMap<String, Rule>;

/// Something that is true or not of a build, or of a test in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `true`, `false`.
    Always(bool),
    /// `try`: it is of a change that is not on its branch yet.
    Try,
    /// A rule of `[policies]`.
    Policy(String),
    /// `not …`.
    Not(Box<Rule>),
    /// `… and …`; at least two.
    All(Vec<Rule>),
    /// `… or …`; at least two.
    Any(Vec<Rule>),
    /// `repo == "go"`, `repo != "go"`.
    Equal {
        /// Of what.
        subject: Subject,
        /// Whether it must differ.
        not: bool,
        /// From what.
        text: String,
    },
    /// `repo in ["go", "net"]`, `repo not in […]`.
    In {
        /// Of what.
        subject: Subject,
        /// Whether it must be none of them.
        not: bool,
        /// Of these.
        texts: Vec<String>,
    },
    /// `test like "cmd/*"`, `test not like ["cmd/*", "test:*"]`: `*` is any run of characters.
    Like {
        /// Of what.
        subject: Subject,
        /// Whether it must fit none of them.
        not: bool,
        /// Of these.
        patterns: Vec<String>,
    },
    /// `go >= 1.12`: `master` is newer than every release, and what is neither compares with nothing.
    Version {
        /// `branch` or `go`.
        subject: Subject,
        /// How it compares.
        compare: Compare,
        /// With what.
        version: GoVersion,
    },
    /// `go is release`.
    Release {
        /// `branch` or `go`.
        subject: Subject,
    },
}

/// What a rule asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The repository's name.
    Repo,
    /// The branch that is built.
    Branch,
    /// The branch of the main repository that it is built against; of the main repository, the branch itself.
    Go,
    /// The builder's name.
    Builder,
    /// The test's name.
    Test,
}

/// How versions compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// `==`
    Same,
    /// `!=`
    Other,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
}

/// What a rule is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The repository's name.
    pub repo: &'a str,
    /// The branch that is built.
    pub branch: &'a str,
    /// The main repository's branch.
    pub go: &'a str,
    /// The builder's name.
    pub builder: &'a str,
    /// Whether it is a try.
    pub is_try: bool,
    /// The test's name; empty where it is about a build.
    pub test: &'a str,
}

impl Subject {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Repo,
        Self::Branch,
        Self::Go,
        Self::Builder,
        Self::Test,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repo => "repo",
            Self::Branch => "branch",
            Self::Go => "go",
            Self::Builder => "builder",
            Self::Test => "test",
        }
    }

    /// Whether it can be compared with a version.
    fn is_branch(self) -> bool {
        matches!(self, Self::Branch | Self::Go)
    }
}

impl Rule {
    /// What is written `text`.
    ///
    /// # Errors
    /// [`RuleError`] says what is wrong, and at which byte.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        parse::parse(text)
    }

    /// The rules directly inside.
    fn parts(&self) -> &[Rule] {
        match self {
            Self::Not(rule) => std::slice::from_ref(rule),
            Self::All(rules) | Self::Any(rules) => rules,
            _ => &[],
        }
    }

    /// The policies that it calls by name.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Policy(name) => vec![name],
            other => other.parts().iter().flat_map(Self::names).collect(),
        }
    }

    /// Whether it has at most `parts`, with those of `policies` as often as they are called; these must call each other in
    /// no circle. Looks at no more than that.
    #[must_use]
    pub fn is_within(&self, parts: usize, policies: &Policies) -> bool {
        self.left_of(parts, policies).is_some()
    }

    /// What is left of `parts`.
    fn left_of(&self, parts: usize, policies: &Policies) -> Option<usize> {
        let left = parts.checked_sub(1)?;
        let called = match self {
            Self::Policy(name) => policies.get(name),
            _ => None,
        };
        let mut all = self.parts().iter().chain(called);
        all.try_fold(left, |left, part| part.left_of(left, policies))
    }

    /// Whether it asks about a test, itself or through `policies`; these must call each other in no circle.
    #[must_use]
    pub fn asks_about_tests(&self, policies: &Policies) -> bool {
        match self {
            Self::Equal { subject, .. } | Self::In { subject, .. } | Self::Like { subject, .. } => {
                *subject == Subject::Test
            }
            Self::Policy(name) => policies
                .get(name)
                .is_some_and(|rule| rule.asks_about_tests(policies)),
            other => other
                .parts()
                .iter()
                .any(|rule| rule.asks_about_tests(policies)),
        }
    }
}

#[cfg(test)]
mod tests;
