//! Resource names, `projects/{project}/{collection}/{id}`.
//!
//! Rules: <https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names>.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::refusal::Refusal;

/// What a subscription says of its topic once the topic is gone.
pub(crate) const DELETED_TOPIC: &str = "_deleted-topic_";
/// What a topic says of its schema once the schema is gone.
pub(crate) const DELETED_SCHEMA: &str = "_deleted-schema_";

/// A kind of resource.
pub(crate) trait Collection: 'static {
    /// As names spell it.
    const NAME: &'static str;
}

/// The full name of a resource of one kind.
pub(crate) struct Name<C: Collection>(Arc<str>, PhantomData<fn() -> C>);

/// The kind of [`TopicName`].
pub(crate) enum Topics {}
/// The kind of [`SubscriptionName`].
pub(crate) enum Subscriptions {}
/// The kind of [`SnapshotName`].
pub(crate) enum Snapshots {}
/// The kind of [`SchemaName`].
pub(crate) enum Schemas {}

impl Collection for Topics {
    const NAME: &'static str = "topics";
}
impl Collection for Subscriptions {
    const NAME: &'static str = "subscriptions";
}
impl Collection for Snapshots {
    const NAME: &'static str = "snapshots";
}
impl Collection for Schemas {
    const NAME: &'static str = "schemas";
}

/// `projects/{project}/topics/{topic}`.
pub(crate) type TopicName = Name<Topics>;
/// `projects/{project}/subscriptions/{subscription}`.
pub(crate) type SubscriptionName = Name<Subscriptions>;
/// `projects/{project}/snapshots/{snapshot}`.
pub(crate) type SnapshotName = Name<Snapshots>;
/// `projects/{project}/schemas/{schema}`, without a revision.
pub(crate) type SchemaName = Name<Schemas>;

/// `projects/{project}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProjectName(Arc<str>);

impl<C: Collection> Name<C> {
    /// # Errors
    /// `INVALID_ARGUMENT`, in the service's words.
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        if well_formed(name, C::NAME) {
            Ok(Self(name.into(), PhantomData))
        } else {
            Err(Refusal::invalid(format!(
                "Invalid [{collection}] name: (name={name}): expected \
                 projects/{{project}}/{collection}/{{id}}, the id of 3 to 255 letters, digits or \
                 -_.~+%, beginning with a letter and not with \"goog\"",
                collection = C::NAME
            )))
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project's id alone.
    pub fn project(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// The last part: how the service's errors name a resource.
    pub fn id(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl ProjectName {
    pub fn parse(name: &str) -> Result<Self, Refusal> {
        match name.strip_prefix("projects/") {
            Some(id) if valid_project(id) => Ok(Self(name.into())),
            _ => Err(Refusal::invalid(format!(
                "Invalid [projects] name: (name={name}): expected projects/{{project}}"
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

impl<C: Collection> Clone for Name<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<C: Collection> PartialEq for Name<C> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<C: Collection> Eq for Name<C> {}

impl<C: Collection> PartialOrd for Name<C> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C: Collection> Ord for Name<C> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<C: Collection> Hash for Name<C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<C: Collection> fmt::Debug for Name<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl<C: Collection> fmt::Display for Name<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn well_formed(name: &str, collection: &str) -> bool {
    let mut parts = name.split('/');
    parts.next() == Some("projects")
        && parts.next().is_some_and(valid_project)
        && parts.next() == Some(collection)
        && parts.next().is_some_and(valid_id)
        && parts.next().is_none()
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
        assert_eq!((name.project(), name.id()), ("p-1", "sub"));
        assert!(SchemaName::parse("projects/p/schemas/abc").is_ok());
        assert!(SnapshotName::parse("projects/p/snapshots/abc").is_ok());
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
        let longest = format!("projects/p/topics/{}", "a".repeat(255));
        assert!(TopicName::parse(&longest).is_ok());
        assert!(TopicName::parse(&format!("{longest}a")).is_err());
    }

    #[test]
    fn a_project_contains_only_its_own() {
        let project = ProjectName::parse("projects/p").unwrap();
        assert!(project.contains("projects/p/topics/abc"));
        assert!(!project.contains("projects/pp/topics/abc"));
    }
}
