//! `manifest.json`: what a platform must give each function, and no more. Terraform and the emulator read the same file.

use std::collections::BTreeMap;

use farm_model::event::Topic;
use farm_runtime::serve::Triggers;
use serde::Deserialize;

/// What each function needs, by name.
pub type Manifest = BTreeMap<String, Function>;

/// What one function needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Function {
    /// What it answers.
    pub routes: Vec<Route>,
    /// Topics whose events are pushed to it.
    #[serde(default)]
    pub pushes: Vec<Push>,
    /// Calls that the time makes.
    #[serde(default)]
    pub ticks: Vec<Tick>,
    /// Memory of an instance.
    pub memory_mib: u32,
    /// Time-out of a request; platforms end one after 30 seconds.
    pub timeout_seconds: u32,
    /// How many requests at once.
    pub concurrency: Concurrency,
    /// Settings that are no secrets.
    pub settings: Vec<String>,
    /// Settings that switch something on.
    #[serde(default)]
    pub optional_settings: Vec<String>,
    /// Secrets without which it does not start.
    pub secrets: Vec<String>,
    /// Secrets that switch something on.
    pub optional_secrets: Vec<String>,
    /// What it may touch.
    pub rights: Rights,
}

/// A path of the function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// `GET` or `POST`.
    pub method: String,
    /// With parameters in braces.
    pub path: String,
}

/// Events of a topic, each posted as a CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The topic.
    pub topic: Topic,
    /// One of the function's routes.
    pub path: String,
}

/// An empty `POST`, again and again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// One of the function's routes.
    pub path: String,
    /// How often.
    pub every_seconds: u32,
}

/// Requests at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// In one instance, where the platform shares instances.
    pub per_instance: u32,
    /// Kept free for this function, so that long polls cannot starve a webhook.
    pub reserved: u32,
}

/// Rights beyond answering.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// Topics it may publish to: at most one.
    pub publish: Vec<Topic>,
    /// Prefixes of the bucket it may write below: at most one.
    pub write: Vec<String>,
    /// Prefixes of the bucket it may read below.
    pub read: Vec<String>,
    /// Prefixes it writes below, where it may also take away, and put something else in the place of what is there: Google
    /// Cloud has one right for both.
    #[serde(default)]
    pub remove: Vec<String>,
}

/// The manifest that was built in.
///
/// # Errors
/// Never, as a test holds.
pub fn read() -> serde_json::Result<Manifest> {
    serde_json::from_str(include_str!("../manifest.json"))
}

/// What calls the function `target`, or [`crate::ALL`], besides its clients.
///
/// # Errors
/// Never, as of [`read`].
pub fn triggers(target: &str) -> serde_json::Result<Triggers> {
    let manifest = read()?;
    let chosen = manifest
        .iter()
        .filter(|(name, _)| target == crate::ALL || target == *name);
    Ok(
        chosen.fold(Triggers::default(), |triggers, (name, function)| {
            function.triggers(name, triggers)
        }),
    )
}

impl Function {
    /// `triggers`, and those of this function, which is called `name`.
    fn triggers(&self, name: &str, triggers: Triggers) -> Triggers {
        let triggers = self.pushes.iter().fold(triggers, |triggers, push| {
            triggers.push(push.topic, name, &push.path)
        });
        let ticks = self.ticks.iter();
        ticks.fold(triggers, |triggers, tick| triggers.tick(&tick.path))
    }
}

#[cfg(test)]
mod tests {
    use farm_runtime::Vars;

    use super::*;
    use crate::FUNCTIONS;

    /// Settings as a platform would give them to `function`, but for the one named `without`.
    fn vars(function: &Function, without: &str) -> Vars {
        let names = function.settings.iter().chain(&function.secrets);
        let value = |name: &str| match name {
            "FARM_BUCKET" => "memory:".to_owned(),
            "FARM_BUS" => "pubsub://test?endpoint=http://127.0.0.1:1".to_owned(),
            _ => "a secret".to_owned(),
        };
        let given = names.filter(|name| *name != without);
        given.map(|name| (name.clone(), value(name))).collect()
    }

    #[test]
    fn every_function_is_in_the_manifest_and_nothing_else() {
        let manifest = read().unwrap();
        let names: Vec<&str> = manifest.keys().map(String::as_str).collect();
        assert_eq!(names, FUNCTIONS.map(|(name, _)| name));
    }

    #[tokio::test]
    async fn a_function_starts_with_what_the_manifest_gives_and_with_nothing_less() {
        let manifest = read().unwrap();
        for (name, build) in FUNCTIONS {
            let function = &manifest[name];
            assert!(build(&vars(function, "")).is_ok(), "{name}");
            for missing in function.settings.iter().chain(&function.secrets) {
                let error = build(&vars(function, missing)).unwrap_err().to_string();
                let expected = format!("{missing} is not set");
                assert!(error.starts_with(&expected), "{name}: {error}");
            }
        }
    }

    #[test]
    fn an_empty_secret_is_a_missing_one() {
        let manifest = read().unwrap();
        for (name, build) in FUNCTIONS {
            for secret in &manifest[name].secrets {
                let vars = vars(&manifest[name], "").with(secret, "");
                let error = build(&vars).unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("{secret} is not set")),
                    "{error}"
                );
            }
        }
    }

    #[test]
    fn pushes_and_ticks_of_the_manifest_call_the_function() {
        let function = serde_json::from_str::<Function>(
            r#"{
                "routes": [], "pushes": [{ "topic": "results", "path": "/report" }],
                "ticks": [{ "path": "/sweep", "every_seconds": 60 }],
                "memory_mib": 1, "timeout_seconds": 1, "concurrency": { "per_instance": 1, "reserved": 0 },
                "settings": [], "secrets": [], "optional_secrets": [],
                "rights": { "publish": [], "write": [], "read": [] }
            }"#,
        );
        let wanted = Triggers::default()
            .push(Topic::Results, "report", "/report")
            .tick("/sweep");
        let triggers = function.unwrap().triggers("report", Triggers::default());
        assert_eq!(triggers, wanted);
    }

    #[test]
    fn rights_and_limits_are_within_the_rules() {
        for (name, function) in read().unwrap() {
            assert!(function.rights.publish.len() <= 1, "{name}: one topic");
            assert!(function.rights.write.len() <= 1, "{name}: one prefix");
            let mut removed = function.rights.remove.iter();
            assert!(
                removed.all(|prefix| function.rights.write.contains(prefix)),
                "{name}"
            );
            assert!((1..=30).contains(&function.timeout_seconds), "{name}");
            assert!(!function.routes.is_empty(), "{name}");
            let pushes = function.pushes.iter().map(|push| &push.path);
            for path in pushes.chain(function.ticks.iter().map(|tick| &tick.path)) {
                let posts = |route: &Route| route.method == "POST" && route.path == *path;
                assert!(function.routes.iter().any(posts), "{name}: {path}");
            }
            let webhook = name.ends_with("-webhook");
            assert_eq!(function.concurrency.reserved > 0, webhook, "{name}");
        }
    }
}
