//! Flags as Go's package `flag` reads them: one dash or two, `-name value` or `-name=value`, a switch alone or with `=false`.

use anyhow::bail;

/// What `-help` says.
pub(super) const HELP: &str = "Usage of retrybuilds:
  -branch string
    \tbranch of the failures that are listed (default \"master\")
  -builder string
    \tbuilder whose result is cleared, or whose failures are looked through
  -builder-prefix string
    \twhere the dashboard is (default \"https://build.golang.org\")
  -hash string
    \tcommit whose result is cleared, or the first of its digits; empty: every failure of the builder
  -key string
    \tfile with the builder's key
  -loghash string
    \tclear every failure whose log's hash begins so
  -masterkey string
    \tfile with the master key, of which builders' keys are made (default \"$HOME/keys/gobuilder-master.key\")
  -redo-flaky
    \tclear every failure whose log looks flaky
  -sendmaster
    \tsend the master key itself";

/// The flags of 2019.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) branch: String,
    pub(super) builder: String,
    pub(super) builder_prefix: String,
    pub(super) hash: String,
    pub(super) key: String,
    pub(super) loghash: String,
    /// Empty: where it was in 2019.
    pub(super) masterkey: String,
    pub(super) redo_flaky: bool,
    pub(super) sendmaster: bool,
}

impl Default for Flags {
    fn default() -> Self {
        let none = String::new;
        Self {
            branch: "master".to_owned(),
            builder: none(),
            builder_prefix: "https://build.golang.org".to_owned(),
            hash: none(),
            key: none(),
            loghash: none(),
            masterkey: none(),
            redo_flaky: false,
            sendmaster: false,
        }
    }
}

impl Flags {
    /// None where help is asked for.
    pub(super) fn read(words: &[String]) -> anyhow::Result<Option<Self>> {
        let mut flags = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").or(word.strip_prefix('-'));
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                bail!("{word:?} is no flag: -help lists them");
            };
            let (name, value) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            if matches!(name, "h" | "help") {
                return Ok(None);
            }
            if let Some(switch) = flags.switch(name) {
                *switch = on(name, value.as_deref())?;
            } else if let Some(text) = flags.text(name) {
                let Some(value) = value.or_else(|| words.next().cloned()) else {
                    bail!("flag needs an argument: -{name}");
                };
                *text = value;
            } else {
                bail!("flag provided but not defined: -{name}; -help lists them");
            }
        }
        Ok(Some(flags))
    }

    fn switch(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "redo-flaky" => Some(&mut self.redo_flaky),
            "sendmaster" => Some(&mut self.sendmaster),
            _ => None,
        }
    }

    fn text(&mut self, name: &str) -> Option<&mut String> {
        match name {
            "branch" => Some(&mut self.branch),
            "builder" => Some(&mut self.builder),
            "builder-prefix" => Some(&mut self.builder_prefix),
            "hash" => Some(&mut self.hash),
            "key" => Some(&mut self.key),
            "loghash" => Some(&mut self.loghash),
            "masterkey" => Some(&mut self.masterkey),
            _ => None,
        }
    }
}

/// What Go takes for a truth value.
fn on(name: &str, value: Option<&str>) -> anyhow::Result<bool> {
    match value {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(value) => bail!("invalid boolean value {value:?} for -{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> anyhow::Result<Option<Flags>> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Flags::read(&words)
    }

    #[test]
    fn flags_have_one_dash_or_two_and_their_values_two_forms() {
        let words = [
            "-builder",
            "linux-amd64",
            "--hash=5b0c",
            "-redo-flaky",
            "-sendmaster=false",
        ];
        let flags = read(&words).unwrap().unwrap();
        assert_eq!(
            flags,
            Flags {
                builder: "linux-amd64".to_owned(),
                hash: "5b0c".to_owned(),
                redo_flaky: true,
                ..Flags::default()
            }
        );
        assert_eq!(read(&[]).unwrap(), Some(Flags::default()));
        assert_eq!(read(&["-h"]).unwrap(), None);
    }

    #[test]
    fn what_is_no_flag_is_told() {
        for (words, says) in [
            (&["-build", "x"][..], "not defined: -build"),
            (&["-builder"], "needs an argument: -builder"),
            (&["builder"], "is no flag"),
            (&["-redo-flaky=maybe"], "invalid boolean"),
        ] {
            let error = read(words).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
