//! Schemas in the catalog: made, revised, read, deleted, and in force for what topics are given.

use super::Broker;
use super::admin::Page;
use crate::names::{DELETED_SCHEMA, ProjectName, SchemaName, TopicName};
use crate::proto::{PubsubMessage, Schema};
use crate::refusal::Refusal;
use crate::schema::{Definition, Reference, Registry, Stamp, Viewed};
use crate::store::catalog::Catalog;

impl Broker {
    pub async fn create_schema(
        &self,
        parent: &str,
        id: &str,
        schema: Schema,
    ) -> Result<Schema, Refusal> {
        ProjectName::parse(parent)?;
        let name = SchemaName::parse(&format!("{parent}/schemas/{id}"))?;
        self.revise(|schemas, stamp| schemas.create(name, schema, stamp))
            .await
    }

    pub async fn commit_schema(&self, name: &str, schema: Schema) -> Result<Schema, Refusal> {
        let name = SchemaName::parse(name)?;
        self.revise(|schemas, stamp| schemas.commit(name, schema, stamp))
            .await
    }

    pub async fn rollback_schema(&self, name: &str, revision: &str) -> Result<Schema, Refusal> {
        let name = SchemaName::parse(name)?;
        self.revise(|schemas, stamp| schemas.rollback(name, revision, stamp))
            .await
    }

    async fn revise(
        &self,
        edit: impl FnOnce(&mut Registry, Stamp) -> Result<Schema, Refusal>,
    ) -> Result<Schema, Refusal> {
        let time = self.clock.now().to_proto();
        self.change(|catalog| {
            catalog.next_id += 1;
            let number = catalog.next_id;
            edit(&mut catalog.schemas, Stamp { number, time })
        })
        .await
    }

    pub async fn delete_schema_revision(&self, reference: &Reference) -> Result<Schema, Refusal> {
        self.change(|catalog| catalog.schemas.delete_revision(reference))
            .await
    }

    /// Deletes a schema with all revisions. Its topics refuse messages until they have another.
    pub async fn delete_schema(&self, name: &str) -> Result<(), Refusal> {
        let name = SchemaName::parse(name)?;
        self.change(|catalog| {
            catalog.schemas.delete(&name)?;
            let topics = catalog.topics.values_mut();
            for settings in topics.filter_map(|topic| topic.schema_settings.as_mut()) {
                if settings.schema == name.as_str() {
                    settings.schema = DELETED_SCHEMA.to_owned();
                }
            }
            Ok(())
        })
        .await
    }

    pub fn schema(&self, reference: &Reference, view: Viewed) -> Result<Schema, Refusal> {
        Ok(view.show(self.catalog().schemas.get(reference)?))
    }

    pub fn schemas(
        &self,
        project: &str,
        view: Viewed,
        page: Page,
    ) -> Result<(Vec<Schema>, String), Refusal> {
        let project = ProjectName::parse(project)?;
        let catalog = self.catalog();
        let all = catalog.schemas.of_project(&project);
        Ok(page.cut(all.map(|(name, schema)| (name.as_str().to_owned(), view.show(schema)))))
    }

    /// The oldest first.
    pub fn schema_revisions(
        &self,
        name: &str,
        view: Viewed,
        page: Page,
    ) -> Result<(Vec<Schema>, String), Refusal> {
        let name = SchemaName::parse(name)?;
        let catalog = self.catalog();
        let revisions = catalog.schemas.revisions(&name)?.iter();
        // A revision's time and place keep their order when others go.
        let keyed = revisions.map(|schema| {
            let time = schema.revision_create_time.unwrap_or_default();
            let key = format!(
                "{:020}.{:09}.{}",
                time.seconds, time.nanos, schema.revision_id
            );
            (key, view.show(schema))
        });
        Ok(page.cut(keyed))
    }

    /// Checks messages for a topic with a schema, and marks them with the revision they follow.
    pub(super) fn conform(
        &self,
        topic: &TopicName,
        messages: &mut [PubsubMessage],
    ) -> Result<(), Refusal> {
        let catalog = self.catalog();
        let topic = catalog.topics.get(topic);
        match topic.and_then(|topic| topic.schema_settings.as_ref()) {
            Some(settings) => self.guard.check(&catalog.schemas, settings, messages),
            None => Ok(()),
        }
    }

    /// Checks one message against a schema that is known, or against one that is given.
    pub fn validate_message(
        &self,
        schema: &SchemaSource,
        data: &[u8],
        encoding: crate::proto::Encoding,
    ) -> Result<(), Refusal> {
        let definition = match schema {
            SchemaSource::Known(reference) => {
                Definition::parse(self.catalog().schemas.get(reference)?)?
            }
            SchemaSource::Given(schema) => Definition::parse(schema)?,
        };
        definition.check(data, encoding).map_err(|problem| {
            Refusal::invalid(format!("Invalid data in message: {problem}"))
                .with_info(definition.reason(encoding), [])
        })
    }
}

/// Which schema a message is to be checked against.
pub(crate) enum SchemaSource {
    Known(Reference),
    Given(Schema),
}

/// Checks that a topic's schema settings mean something.
pub(super) fn check_settings(
    catalog: &Catalog,
    settings: &crate::proto::SchemaSettings,
) -> Result<(), Refusal> {
    use crate::proto::Encoding;
    if settings.encoding() == Encoding::Unspecified {
        return Err(Refusal::invalid_field(
            "schema_settings.encoding",
            "Invalid schema encoding: must be JSON or BINARY",
        ));
    }
    catalog.schemas.allowed(settings).map(|_| ())
}
