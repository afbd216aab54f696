//! Schemas, and topics that hold messages against one.

use anyhow::{Result, ensure};
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::model::schema::Type;
use google_cloud_pubsub::model::{Encoding, Schema, SchemaSettings, SchemaView};

use crate::case::cases;
use crate::docs;
use crate::expect::{equal, refused, unpublished};
use crate::world::{World, message};

const AVRO: &str = r#"{"type":"record","name":"Job","fields":[{"name":"id","type":"int"}]}"#;

const NUMBERS: &str =
    "an enum in a query may be given by its number; Google's emulator never answers such a request";

cases! { "schemas":
    created_is_read_back, docs::SCHEMAS, differs_because NUMBERS;
    a_definition_must_be_one, docs::SCHEMAS;
    a_message_is_validated, docs::SCHEMAS;
    a_commit_makes_a_revision, docs::SCHEMAS, differs_because NUMBERS;
    a_topic_refuses_what_does_not_fit, docs::SCHEMAS;
}

fn avro(definition: &str) -> Schema {
    Schema::new()
        .set_type(Type::Avro)
        .set_definition(definition)
}

async fn schema(w: &World) -> Result<Schema> {
    let create = w
        .schemas()
        .create_schema()
        .set_parent(&w.project)
        .set_schema_id("jobs");
    Ok(create.set_schema(avro(AVRO)).send().await?)
}

async fn created_is_read_back(w: World) -> Result<()> {
    let made = schema(&w).await?;
    ensure!(!made.revision_id.is_empty(), "a revision");
    let get = w.schemas().get_schema().set_name(w.name("schemas", "jobs"));
    let read = get.set_view(SchemaView::Full).send().await?;
    equal(read.definition.as_str(), AVRO, "the definition")
}

async fn a_definition_must_be_one(w: World) -> Result<()> {
    let create = w
        .schemas()
        .create_schema()
        .set_parent(&w.project)
        .set_schema_id("jobs");
    refused(
        Code::InvalidArgument,
        create.set_schema(avro("nonsense")).send().await,
        "create",
    )?;
    let validate = w.schemas().validate_schema().set_parent(&w.project);
    refused(
        Code::InvalidArgument,
        validate.set_schema(avro("nonsense")).send().await,
        "validate",
    )
}

async fn a_message_is_validated(w: World) -> Result<()> {
    let name = schema(&w).await?.name;
    let validate = |text: &'static str| {
        let validate = w
            .schemas()
            .validate_message()
            .set_parent(&w.project)
            .set_name(&name);
        validate
            .set_encoding(Encoding::Json)
            .set_message(text)
            .send()
    };
    validate(r#"{"id": 7}"#).await?;
    refused(
        Code::InvalidArgument,
        validate(r#"{"id": "seven"}"#).await,
        "a text for a number",
    )
}

async fn a_commit_makes_a_revision(w: World) -> Result<()> {
    let first = schema(&w).await?;
    let more = AVRO.replace("}]}", r#"},{"name":"note","type":"string","default":""}]}"#);
    let revised = avro(&more).set_name(&first.name);
    let second = w
        .schemas()
        .commit_schema()
        .set_name(&first.name)
        .set_schema(revised)
        .send()
        .await?;
    ensure!(
        second.revision_id != first.revision_id,
        "a revision of its own"
    );
    let listed = w
        .schemas()
        .list_schema_revisions()
        .set_name(&first.name)
        .send()
        .await?;
    equal(listed.schemas.len(), 2, "revisions")
}

async fn a_topic_refuses_what_does_not_fit(w: World) -> Result<()> {
    let settings = SchemaSettings::new()
        .set_schema(schema(&w).await?.name)
        .set_encoding(Encoding::Json);
    let create = w
        .topics()
        .create_topic()
        .set_name(w.name("topics", "events"));
    let topic = create.set_schema_settings(settings).send().await?;
    w.publish(&topic, [message(r#"{"id": 7}"#)]).await?;
    let publisher = w.publisher(&topic.name).await?;
    let bad = publisher.publish(message("nonsense"));
    publisher.flush().await;
    unpublished(Code::InvalidArgument, bad.await, "what does not fit")
}
