//! Resource names, `projects/{project}/{collection}/{id}`.
//!
//! Rules: <https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names>.

use std::fmt;
use std::sync::Arc;

use crate::refusal::Refusal;

/// What a subscription says of its topic once the topic is gone.
pub(crate) const DELETED_TOPIC: &str = "_deleted-topic_";

/// `projects/{project}/topics/{topic}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TopicName(Arc<str>);

/// `projects/{project}/subscriptions/{subscription}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SubscriptionName(Arc<str>);

/// `projects/{project}/snapshots/{snapshot}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SnapshotName(Arc<str>);

/// `projects/{project}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectName(Arc<str>);

impl TopicName {
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        check(name, "topics").map(|()| Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SubscriptionName {
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        check(name, "subscriptions").map(|()| Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project's id alone.
    pub fn project(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }
}

impl SnapshotName {
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        check(name, "snapshots").map(|()| Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ProjectName {
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        match name.strip_prefix("projects/") {
            Some(id) if valid_project(id) => Ok(Self(name.into())),
            _ => Err(Refusal::invalid(format!(
                "invalid project name {name:?}: expected projects/{{project}}"
            ))),
        }
    }

    /// Whether a resource's full name lies in this project.
    pub fn contains(&self, resource: &str) -> bool {
        resource
            .strip_prefix(&*self.0)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SubscriptionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(name: &str, collection: &str) -> Result<(), Refusal> {
    let mut parts = name.split('/');
    let shaped = parts.next() == Some("projects")
        && parts.next().is_some_and(valid_project)
        && parts.next() == Some(collection)
        && parts.next().is_some_and(valid_id)
        && parts.next().is_none();
    if shaped {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "invalid name {name:?}: expected projects/{{project}}/{collection}/{{id}}, the id of 3 to 255 \
         letters, digits or -_.~+%, beginning with a letter and not with \"goog\""
    )))
}

fn valid_project(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

fn valid_id(id: &str) -> bool {
    (3..=255).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphabetic())
        && !id.starts_with("goog")
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.~+%".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_names_are_taken() {
        for name in ["projects/p/topics/abc", "projects/my-p/topics/A.b_c~d+e%f"] {
            assert_eq!(TopicName::parse(name).unwrap().as_str(), name);
        }
        let name = SubscriptionName::parse("projects/p-1/subscriptions/sub").unwrap();
        assert_eq!(name.project(), "p-1");
    }

    #[test]
    fn malformed_names_are_invalid_arguments() {
        for name in [
            "",
            "abc",
            "projects/p/topics/ab",
            "projects/p/topics/1abc",
            "projects/p/topics/googly",
            "projects//topics/abc",
            "projects/p/subscriptions/abc",
            "projects/p/topics/abc/x",
            "projects/p/topics/a b c",
        ] {
            assert!(TopicName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_project_contains_only_its_own() {
        let project = ProjectName::parse("projects/p").unwrap();
        assert!(project.contains("projects/p/topics/abc"));
        assert!(!project.contains("projects/pp/topics/abc"));
    }
}
