//! The text of `farm.toml` as a tree with positions. What it means is checked in `check`.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::FarmConfig;

/// Everything that is wrong with a `farm.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// At least one, in the order of the text.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What may have been meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(
                f,
                "{newline}{}:{}:{}: {}",
                self.file, problem.line, problem.column, problem.message
            )?;
            if let Some(suggestion) = &problem.suggestion {
                write!(f, "; {suggestion}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A value and where it stands.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// A table whose keys are taken one by one: what is left is unknown.
pub(super) struct Table<'a> {
    /// What it is, for messages: `builder "test"`.
    pub(super) what: String,
    /// Where it stands in the text.
    pub(super) at: usize,
    entries: BTreeMap<String, (usize, Value<'a>)>,
    asked: Vec<&'static str>,
}

/// Collects problems by position.
pub(super) struct Findings<'t> {
    text: &'t str,
    found: Vec<(usize, Problem)>,
}

impl Findings<'_> {
    /// Something is wrong at byte `at`.
    pub(super) fn add(&mut self, at: usize, message: String) {
        self.suggest(at, message, None);
    }

    /// Something is wrong at byte `inside` of the text value `value`, which stands at `at`.
    pub(super) fn add_inside(&mut self, at: usize, value: &str, inside: usize, message: String) {
        let raw = self.text.get(at..).unwrap_or_default();
        // One or three quotes, and the newline after the three. With escapes in it, the value's place has to do.
        let begins = (1..=5).find(|quotes| {
            let rest = raw.get(*quotes..);
            !value.is_empty() && rest.is_some_and(|rest| rest.starts_with(value))
        });
        self.add(begins.map_or(at, |quotes| at + quotes + inside), message);
    }

    /// The same, with what may have been meant.
    pub(super) fn suggest(&mut self, at: usize, message: String, suggestion: Option<String>) {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        self.found.push((
            at,
            Problem {
                line,
                column,
                message,
                suggestion,
            },
        ));
    }
}

/// The name among `known` that `word` is most like, as a question.
pub(super) fn did_you_mean<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let near = known.map(|name| (strsim::damerau_levenshtein(word, name), name));
    let (distance, name) = near.min()?;
    (distance <= 1 + word.chars().count() / 3).then(|| format!("did you mean {name:?}?"))
}

impl<'a> Table<'a> {
    fn new(what: String, at: usize, table: DeTable<'a>) -> Self {
        let entries = table
            .into_iter()
            .map(|(key, value)| (key.get_ref().to_string(), (key.span().start, value)));
        Self {
            what,
            at,
            entries: entries.collect(),
            asked: Vec::new(),
        }
    }

    /// A value as a table; says so if it is none.
    pub(super) fn of(what: String, value: Value<'a>, findings: &mut Findings<'_>) -> Option<Self> {
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Table(table) => Some(Self::new(what, at, table)),
            other => {
                findings.add(at, format!("{what} must be a table, not {}", kind(&other)));
                None
            }
        }
    }

    /// Takes a key of the table.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.asked.push(key);
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// Takes a key that is text.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<(usize, String)> {
        let value = self.take(key)?;
        text_of(&format!("{key:?} in {}", self.what), value, findings)
    }

    /// Takes a key that is true or false.
    pub(super) fn flag(&mut self, key: &'static str, findings: &mut Findings<'_>) -> Option<bool> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                let message = format!(
                    "{key:?} in {} must be true or false, not {}",
                    self.what,
                    kind(other)
                );
                findings.add(value.span().start, message);
                None
            }
        }
    }

    /// Takes a key that is a table.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<Table<'a>> {
        let what = format!("{key:?} in {}", self.what);
        let at = self.place(key);
        let mut table = Table::of(what, self.take(key)?, findings)?;
        table.at = at.unwrap_or(table.at);
        Some(table)
    }

    /// The names of the tables in the table `key`, which is not taken.
    pub(super) fn names(&self, key: &str) -> Vec<String> {
        let Some((_, value)) = self.entries.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(tables) = value.get_ref() else {
            return Vec::new();
        };
        let named = tables.iter();
        named
            .filter(|(_, value)| matches!(value.get_ref(), DeValue::Table(_)))
            .map(|(name, _)| name.get_ref().to_string())
            .collect()
    }

    /// Whether a key is a list, as long as it is not taken.
    pub(super) fn is_list(&self, key: &str) -> bool {
        let value = self.entries.get(key).map(|(_, value)| value.get_ref());
        matches!(value, Some(DeValue::Array(_)))
    }

    /// Where a key stands, as long as it is not taken.
    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.entries.get(key).map(|(at, _)| *at)
    }

    /// Takes a key that is a whole number.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<(usize, i64)> {
        let value = self.take(key)?;
        let at = value.span().start;
        if let DeValue::Integer(number) = value.get_ref()
            && let Ok(number) = i64::from_str_radix(number.as_str(), number.radix())
        {
            return Some((at, number));
        }
        findings.add(
            at,
            format!("{key:?} in {} must be a whole number", self.what),
        );
        None
    }

    /// Takes a key that is a list of texts.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<Vec<(usize, String)>> {
        let what = format!("{key:?} in {}", self.what);
        let values = self.list(key, findings)?;
        Some(
            values
                .into_iter()
                .filter_map(|value| text_of(&what, value, findings))
                .collect(),
        )
    }

    /// Takes a key that is a list.
    pub(super) fn list(
        &mut self,
        key: &'static str,
        findings: &mut Findings<'_>,
    ) -> Option<Vec<Value<'a>>> {
        let value = self.take(key)?;
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Array(values) => Some(values.into_iter().collect()),
            other => {
                findings.add(
                    at,
                    format!(
                        "{key:?} in {} must be a list, not {}",
                        self.what,
                        kind(&other)
                    ),
                );
                None
            }
        }
    }

    /// Takes a key that is a table of texts: names, and values with their places.
    pub(super) fn map(
        &mut self,
        key: &'static str,
        findings: &mut Findings<'_>,
    ) -> BTreeMap<String, (usize, String)> {
        let what = format!("{key:?} in {}", self.what);
        let Some(value) = self.take(key) else {
            return BTreeMap::new();
        };
        let Some(table) = Table::of(what.clone(), value, findings) else {
            return BTreeMap::new();
        };
        let entries = table.entries.into_iter();
        entries
            .filter_map(|(name, (_, value))| Some((name, text_of(&what, value, findings)?)))
            .collect()
    }

    /// Takes every entry: names and positions of the tables inside.
    pub(super) fn each(self) -> impl Iterator<Item = (String, usize, Value<'a>)> {
        self.entries
            .into_iter()
            .map(|(name, (at, value))| (name, at, value))
    }

    /// What nobody asked for is unknown.
    pub(super) fn finish(self, findings: &mut Findings<'_>) {
        for (key, (at, _)) in &self.entries {
            let suggestion = did_you_mean(key, self.asked.iter().copied());
            let known = format!("known are {}", self.asked.join(", "));
            findings.suggest(
                *at,
                format!("unknown key {key:?} in {}", self.what),
                Some(suggestion.unwrap_or(known)),
            );
        }
    }
}

/// A value as text; says so if it is none.
pub(super) fn text_of(
    what: &str,
    value: Value<'_>,
    findings: &mut Findings<'_>,
) -> Option<(usize, String)> {
    let at = value.span().start;
    match value.into_inner() {
        DeValue::String(text) => Some((at, text.into_owned())),
        other => {
            findings.add(
                at,
                format!("{what} must be text in quotes, not {}", kind(&other)),
            );
            None
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

pub(super) fn parse(file: &str, text: &str) -> Result<FarmConfig, ConfigError> {
    let mut findings = Findings {
        text,
        found: Vec::new(),
    };
    let config = match DeTable::parse(text) {
        Ok(table) => {
            let at = table.span().start;
            let root = Table::new("farm.toml".to_owned(), at, table.into_inner());
            super::check::farm(root, &mut findings)
        }
        Err(error) => {
            findings.add(
                error.span().map_or(0, |span| span.start),
                error.message().replace('\n', "; "),
            );
            None
        }
    };
    match config {
        Some(config) if findings.found.is_empty() => Ok(config),
        _ => {
            findings.found.sort_by_key(|(at, _)| *at);
            let problems = findings
                .found
                .into_iter()
                .map(|(_, problem)| problem)
                .collect();
            Err(ConfigError {
                file: file.to_owned(),
                problems,
            })
        }
    }
}
