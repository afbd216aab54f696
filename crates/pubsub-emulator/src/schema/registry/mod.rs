//! Schemas and their revisions, pure: what the methods of `SchemaService` do to them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use prost_types::Timestamp;

use super::Definition;
use crate::names::{ProjectName, SchemaName};
use crate::proto::{Schema, SchemaSettings, SchemaView};
use crate::refusal::Refusal;

/// <https://cloud.google.com/pubsub/quotas#resource_limits>.
const MOST_REVISIONS: usize = 20;
const MOST_SCHEMAS: usize = 10_000;

/// All schemas: the revisions of each, the oldest first. None is without one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Registry(BTreeMap<SchemaName, Vec<Schema>>);

/// A schema's name, perhaps with a revision: `projects/p/schemas/s@12345678`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub name: SchemaName,
    pub revision: Option<String>,
}

/// What makes a new revision: its time, and a number that no other has had.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub number: u64,
    pub time: Timestamp,
}

/// How much of a schema an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewed {
    /// Not the definition.
    Basic,
    Full,
}

impl Viewed {
    /// `default` is for callers who name none.
    pub fn of(view: i32, default: Self) -> Self {
        match SchemaView::try_from(view) {
            Ok(SchemaView::Basic) => Self::Basic,
            Ok(SchemaView::Full) => Self::Full,
            Ok(SchemaView::Unspecified) | Err(_) => default,
        }
    }

    pub fn show(self, schema: &Schema) -> Schema {
        let mut shown = schema.clone();
        if self == Self::Basic {
            shown.definition.clear();
        }
        shown
    }
}

impl Reference {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let (name, revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision.to_owned())),
            None => (text, None),
        };
        Ok(Self {
            name: SchemaName::parse(name)?,
            revision,
        })
    }
}

fn missing(name: &SchemaName) -> Refusal {
    Refusal::not_found(format!("Resource not found (resource={}).", name.id()))
}

fn no_revision(name: &SchemaName, revision: &str) -> Refusal {
    Refusal::not_found(format!(
        "Schema revision not found (resource={}@{revision}).",
        name.id()
    ))
}

/// In the service's words.
fn incompatible(before: &Schema, problem: &str) -> Refusal {
    Refusal::invalid(format!(
        "Compatibility checking failed to commit a schema revision for (schema={}). \
         (reason=\"Revision is incompatible with previous revision: {}. Failed with error: {problem}\").",
        before.name, before.revision_id
    ))
}

impl Registry {
    /// A registry of these revisions, each in the order that its schema got them.
    pub fn from_revisions(revisions: Vec<Schema>) -> Result<Self, Refusal> {
        let mut registry = Self::default();
        for schema in revisions {
            let name = SchemaName::parse(&schema.name)?;
            registry.0.entry(name).or_default().push(schema);
        }
        Ok(registry)
    }

    /// What [`Registry::from_revisions`] takes.
    pub fn all_revisions(&self) -> Vec<Schema> {
        self.0.values().flatten().cloned().collect()
    }

    /// The newest revision of each schema of a project, in the order of their names.
    pub fn of_project(
        &self,
        project: &ProjectName,
    ) -> impl Iterator<Item = (&SchemaName, &Schema)> {
        self.0
            .iter()
            .filter(|(name, _)| project.contains(name.as_str()))
            .filter_map(|(name, revisions)| Some((name, revisions.last()?)))
    }

    /// The oldest first.
    pub fn revisions(&self, name: &SchemaName) -> Result<&[Schema], Refusal> {
        let found = self.0.get(name).filter(|revisions| !revisions.is_empty());
        found.map(Vec::as_slice).ok_or_else(|| missing(name))
    }

    /// The revision named, or else the newest.
    pub fn get(&self, reference: &Reference) -> Result<&Schema, Refusal> {
        let revisions = self.revisions(&reference.name)?;
        match &reference.revision {
            None => revisions.last().ok_or_else(|| missing(&reference.name)),
            Some(id) => revisions
                .iter()
                .find(|schema| schema.revision_id == *id)
                .ok_or_else(|| no_revision(&reference.name, id)),
        }
    }

    pub fn create(
        &mut self,
        name: SchemaName,
        schema: Schema,
        stamp: Stamp,
    ) -> Result<Schema, Refusal> {
        if self.0.contains_key(&name) {
            return Err(Refusal::exists(format!(
                "Resource already exists in the project (resource={}).",
                name.id()
            )));
        }
        let beginning = format!("projects/{}/", name.project());
        let names = self.0.keys().map(SchemaName::as_str);
        if names.filter(|other| other.starts_with(&beginning)).count() >= MOST_SCHEMAS {
            return Err(Refusal::exhausted(format!(
                "a project has at most {MOST_SCHEMAS} schemas: delete some"
            )));
        }
        Definition::parse(&schema)?;
        self.add(name, schema, stamp)
    }

    /// Adds a revision that is compatible with the one before.
    pub fn commit(
        &mut self,
        name: SchemaName,
        schema: Schema,
        stamp: Stamp,
    ) -> Result<Schema, Refusal> {
        let newest = self.revisions(&name)?.last();
        let definition = Definition::parse(&schema)?;
        if let Some(newest) = newest {
            let before = Definition::parse(newest)?;
            definition
                .follows(&before)
                .map_err(|problem| incompatible(newest, &problem))?;
        }
        self.add(name, schema, stamp)
    }

    /// Adds a revision that is a copy of an earlier one.
    pub fn rollback(
        &mut self,
        name: SchemaName,
        revision: &str,
        stamp: Stamp,
    ) -> Result<Schema, Refusal> {
        if revision.is_empty() {
            return Err(Refusal::invalid_field("revision_id", "no revision given"));
        }
        let earlier = Reference {
            name: name.clone(),
            revision: Some(revision.to_owned()),
        };
        let schema = self.get(&earlier)?.clone();
        self.add(name, schema, stamp)
    }

    /// Returns the revision that is no longer there.
    pub fn delete_revision(&mut self, reference: &Reference) -> Result<Schema, Refusal> {
        let name = &reference.name;
        let wanted = reference.revision.as_deref().unwrap_or_default();
        let revisions = self.0.get_mut(name).ok_or_else(|| missing(name))?;
        let at = revisions.iter().position(|s| s.revision_id == wanted);
        let at = at.ok_or_else(|| no_revision(name, wanted))?;
        if revisions.len() == 1 {
            return Err(Refusal::invalid(
                "Cannot delete the last revision of a schema. Delete the schema instead.",
            ));
        }
        Ok(revisions.remove(at))
    }

    pub fn delete(&mut self, name: &SchemaName) -> Result<(), Refusal> {
        let removed = self.0.remove(name);
        removed.map(|_| ()).ok_or_else(|| missing(name))
    }

    /// The revisions that a topic's messages may follow, the newest first.
    ///
    /// # Errors
    /// `NOT_FOUND` for a schema or a revision that is not there; `INVALID_ARGUMENT` for bounds the
    /// wrong way round.
    pub fn allowed(&self, settings: &SchemaSettings) -> Result<Vec<&Schema>, Refusal> {
        let name = SchemaName::parse(&settings.schema)?;
        let revisions = self.revisions(&name)?;
        let place = |id: &str, default: usize| match id {
            "" => Ok(default),
            id => revisions
                .iter()
                .position(|schema| schema.revision_id == id)
                .ok_or_else(|| no_revision(&name, id)),
        };
        let first = place(&settings.first_revision_id, 0)?;
        let last = place(&settings.last_revision_id, revisions.len() - 1)?;
        if first > last {
            return Err(Refusal::invalid_field(
                "schema_settings.first_revision_id",
                "the first revision is newer than the last",
            ));
        }
        Ok(revisions[first..=last].iter().rev().collect())
    }

    fn add(&mut self, name: SchemaName, schema: Schema, stamp: Stamp) -> Result<Schema, Refusal> {
        let revisions = self.0.entry(name.clone()).or_default();
        if revisions.len() >= MOST_REVISIONS {
            return Err(Refusal::exhausted(format!(
                "a schema has at most {MOST_REVISIONS} revisions: delete some"
            )));
        }
        let added = Schema {
            name: name.as_str().to_owned(),
            revision_id: new_id(&name, revisions, stamp.number),
            revision_create_time: Some(stamp.time),
            ..schema
        };
        revisions.push(added.clone());
        Ok(added)
    }
}

/// Eight hexadecimal digits, as the service has them.
fn new_id(name: &SchemaName, revisions: &[Schema], number: u64) -> String {
    let mut attempt = 0u32;
    loop {
        let id = crc32fast::hash(format!("{name}@{number}.{attempt}").as_bytes());
        let id = format!("{id:08x}");
        if revisions.iter().all(|schema| schema.revision_id != id) {
            return id;
        }
        attempt += 1;
    }
}
