//! The variables that this process was started with, read once (`buildlet.md` 2.2).

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use farm_wire::proxy::Proxies;

use crate::environment::{Rules, Variable};
use crate::os;

/// Names and values; secrets may be among them, which is why it is not shown.
#[derive(Clone, Default)]
pub struct Vars(Vec<Variable>);

impl Vars {
    /// The one reader of the environment: commands inherit it.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// These.
    #[cfg(test)]
    pub fn of<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
        )
    }

    /// The value, if there is one and it is not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let found = self.0.iter().find(|(known, _)| is_same(known, name));
        found
            .map(|(_, value)| value.as_os_str())
            .filter(|value| !value.is_empty())
    }

    /// The value, if it is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(OsStr::to_str)
    }

    /// Go's idea of true.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(is_true)
    }

    /// Sets what is missing.
    pub fn default_to(&mut self, name: &str, value: &str) {
        if self.get(name).is_none() {
            self.set(name, value);
        }
    }

    /// Sets it, whatever was there.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.retain(|(known, _)| !is_same(known, name));
        self.0.push((name.into(), value.into()));
    }

    /// What kind of machine this is said to be; empty if nothing is said.
    #[must_use]
    pub fn machine_family(&self) -> &str {
        self.text("GO_BUILDER_ENV").unwrap_or_default()
    }

    /// Whether this runs in a pod: settings come from variables then, and cloud metadata are not ours.
    #[must_use]
    pub fn in_kubernetes(&self) -> bool {
        self.flag("IN_KUBERNETES") || self.get("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// Where files of this user live.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        os::home(self)
    }

    /// The proxies they name. Ones that are not understood are as if they were not there, and said.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        Proxies::from_variables(|name| self.text(name)).unwrap_or_else(|error| {
            tracing::warn!("{error}; going without");
            Proxies::none()
        })
    }

    /// All of them, in the order they came.
    #[must_use]
    pub fn all(&self) -> &[Variable] {
        &self.0
    }
}

fn is_same(known: &OsStr, name: &str) -> bool {
    Rules::HERE.is_same(known, name)
}

/// Go's `ParseBool`; anything else is false.
#[must_use]
pub fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_defaults_fill_gaps_alone() {
        let mut vars = Vars::of([("A", "t"), ("B", ""), ("HOME", "/h"), ("USERPROFILE", "/h")]);
        assert!(vars.flag("A") && !vars.flag("B") && !vars.flag("C"));
        vars.default_to("A", "no");
        vars.default_to("B", "yes");
        assert_eq!((vars.text("A"), vars.text("B")), (Some("t"), Some("yes")));
        assert_eq!(vars.all().len(), 4);
        assert_eq!(vars.home(), PathBuf::from("/h"));
        assert_ne!(Vars::default().home(), PathBuf::from("/h"));
    }

    #[test]
    fn pods_are_known_by_either_variable() {
        assert!(Vars::of([("IN_KUBERNETES", "1")]).in_kubernetes());
        assert!(Vars::of([("KUBERNETES_SERVICE_HOST", "10.0.0.1")]).in_kubernetes());
        assert!(!Vars::of([("IN_KUBERNETES", "yes")]).in_kubernetes());
    }
}
