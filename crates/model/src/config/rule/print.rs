//! A rule as it is written.

use std::fmt;

use super::{Compare, Rule, Subject};

/// How tightly a rule holds together when it is written: what binds less needs parentheses inside what binds more.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Or,
    And,
    Not,
    Alone,
}

impl Rule {
    fn binding(&self) -> Binding {
        match self {
            Self::Any(_) => Binding::Or,
            Self::All(_) => Binding::And,
            Self::Not(_) => Binding::Not,
            _ => Binding::Alone,
        }
    }

    /// Inside a rule of the given binding.
    fn inside(&self, outer: Binding, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.binding() >= outer {
            write!(f, "{self}")
        } else {
            write!(f, "({self})")
        }
    }
}

/// Rules with a word between them.
fn joined(rules: &[Rule], word: &str, inner: Binding, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, rule) in rules.iter().enumerate() {
        if index > 0 {
            write!(f, " {word} ")?;
        }
        rule.inside(inner, f)?;
    }
    Ok(())
}

/// `repo not in ["a", "b"]`.
fn among(
    subject: Subject,
    not: bool,
    word: &str,
    texts: &[String],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let not = if not { "not " } else { "" };
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    match quoted.as_slice() {
        [one] if word == "like" => write!(f, "{subject} {not}{word} {one}"),
        many => write!(f, "{subject} {not}{word} [{}]", many.join(", ")),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(holds) => write!(f, "{holds}"),
            Self::Try => f.write_str("try"),
            Self::Policy(name) => f.write_str(name),
            Self::Not(rule) => {
                f.write_str("not ")?;
                rule.inside(Binding::Not, f)
            }
            Self::All(rules) => joined(rules, "and", Binding::Not, f),
            Self::Any(rules) => joined(rules, "or", Binding::And, f),
            Self::Equal { subject, not, text } => {
                let sign = if *not { "!=" } else { "==" };
                write!(f, "{subject} {sign} \"{text}\"")
            }
            Self::In {
                subject,
                not,
                texts,
            } => among(*subject, *not, "in", texts, f),
            Self::Like {
                subject,
                not,
                patterns,
            } => among(*subject, *not, "like", patterns, f),
            Self::Version {
                subject,
                compare,
                version,
            } => write!(f, "{subject} {} {version}", compare.as_str()),
            Self::Release { subject } => write!(f, "{subject} is release"),
        }
    }
}

impl Compare {
    /// As it is written.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Same => "==",
            Self::Other => "!=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
