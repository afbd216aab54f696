//! Settings by name.

use std::collections::BTreeMap;

/// Settings of one process: a copy of its environment, or what a test or the emulator gives.
#[derive(Clone, Default)]
pub struct Vars(BTreeMap<String, String>);

/// A setting is missing or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// It is not set.
    #[error("{name} is not set: {what}; set it, or {name}_FILE to a file that holds it")]
    Missing {
        /// The setting.
        name: String,
        /// What it is for.
        what: &'static str,
    },
    /// It names a file that cannot be read.
    #[error("{name}: cannot read {path}: {error}")]
    File {
        /// The setting.
        name: String,
        /// The file.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Vars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Vars {
    /// The process's environment, of which this is the one reader; names or values that are not UTF-8 are left out.
    #[must_use]
    pub fn from_environment() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The same with one setting more, or changed.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The setting as it stands, if it is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Names and values of those whose value begins with `prefix`.
    pub fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(move |(_, value)| value.starts_with(prefix))
    }

    /// The setting, or the content of the file that it (`@/path`) or `NAME_FILE` names, without white space around.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<String>, SettingError> {
        let file = self.get(&format!("{name}_FILE"));
        let path = match (self.get(name), file) {
            (Some(value), _) => match value.strip_prefix('@') {
                Some(path) => path,
                None => return Ok(Some(value.to_owned())),
            },
            (None, Some(path)) => path,
            (None, None) => return Ok(None),
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) => Err(SettingError::File {
                name: name.to_owned(),
                path: path.to_owned(),
                error,
            }),
        }
    }

    /// As [`Vars::read`], and it must be there. `what` says what it is for.
    ///
    /// # Errors
    /// It is missing, empty, or in a file that cannot be read.
    pub fn require(&self, name: &str, what: &'static str) -> Result<String, SettingError> {
        self.read(name)?.ok_or_else(|| SettingError::Missing {
            name: name.to_owned(),
            what,
        })
    }
}

impl FromIterator<(String, String)> for Vars {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(settings: T) -> Self {
        Self(settings.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_a_value_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s");
        std::fs::write(&file, "  secret\n").unwrap();
        let path = file.display().to_string();
        let vars = Vars::default()
            .with("A", "plain")
            .with("B", &format!("@{path}"))
            .with("C_FILE", &path);
        assert_eq!(vars.require("A", "x").unwrap(), "plain");
        assert_eq!(vars.require("B", "x").unwrap(), "secret");
        assert_eq!(vars.require("C", "x").unwrap(), "secret");
    }

    #[test]
    fn a_missing_setting_says_what_to_do() {
        let vars = Vars::default().with("E", "");
        let error = vars
            .require("E", "the secret of GitHub's webhooks")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "E is not set: the secret of GitHub's webhooks; set it, or E_FILE to a file that holds it"
        );
        assert!(Vars::default().with("F", "@/no/such").read("F").is_err());
    }

    #[test]
    fn settings_are_found_by_how_their_values_begin() {
        let vars = Vars::default().with("A", "@arn:x").with("B", "@/x");
        assert_eq!(
            vars.beginning("@arn:").collect::<Vec<_>>(),
            [("A", "@arn:x")]
        );
    }

    #[test]
    fn values_are_not_shown() {
        assert_eq!(
            format!("{:?}", Vars::default().with("KEY", "secret")),
            "{\"KEY\"}"
        );
    }
}
