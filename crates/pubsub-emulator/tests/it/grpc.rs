//! The gRPC face as other languages' clients use it: generated stubs on the emulator's router.

use farm_pubsub_emulator::{Emulator, Options};
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::publisher_client::PublisherClient;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::schema_service_client::SchemaServiceClient;
use googleapis_tonic_google_pubsub_v1::google::pubsub::v1::{
    CreateSchemaRequest, Encoding, ListSchemasRequest, ListTopicsRequest, PublishRequest,
    PubsubMessage, Schema, SchemaSettings, Topic, UpdateTopicRequest, schema,
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::TOPIC;

async fn emulator() -> Emulator {
    Emulator::open(Options::default()).await.unwrap()
}

#[tokio::test]
async fn errors_carry_their_code_and_details() {
    let emulator = emulator().await;
    let mut topics = PublisherClient::new(emulator.router());
    let mut schemas = SchemaServiceClient::new(emulator.router());
    let schema = Schema {
        r#type: schema::Type::Avro.into(),
        definition: "\"int\"".to_owned(),
        ..Schema::default()
    };
    let asked = CreateSchemaRequest {
        parent: "projects/test".to_owned(),
        schema: Some(schema),
        schema_id: "number".to_owned(),
    };
    let made = schemas.create_schema(asked.clone()).await.unwrap();
    let name = made.into_inner().name;
    let again = schemas.create_schema(asked).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    let topic = Topic {
        name: TOPIC.to_owned(),
        schema_settings: Some(SchemaSettings {
            schema: name.clone(),
            encoding: Encoding::Json.into(),
            ..SchemaSettings::default()
        }),
        ..Topic::default()
    };
    topics.create_topic(topic.clone()).await.unwrap();
    let refused = topics
        .publish(PublishRequest {
            topic: TOPIC.to_owned(),
            messages: vec![PubsubMessage {
                data: "true".into(),
                ..PubsubMessage::default()
            }],
        })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "INVALID_JSON_AVRO_MESSAGE");
    assert!(info.metadata["revisionInfo"].contains(&name));

    let update = UpdateTopicRequest {
        topic: Some(topic),
        update_mask: None,
    };
    let refused = topics.update_topic(update).await.unwrap_err();
    let violation = &refused.get_details_bad_request().unwrap().field_violations[0];
    assert_eq!(violation.field, "update_mask");
}

#[tokio::test]
async fn lists_are_paged_and_viewed() {
    let emulator = emulator().await;
    let mut topics = PublisherClient::new(emulator.router());
    for n in 0..3 {
        let name = format!("{TOPIC}-{n}");
        let topic = Topic {
            name,
            ..Topic::default()
        };
        topics.create_topic(topic).await.unwrap();
    }
    let mut asked = ListTopicsRequest {
        project: "projects/test".to_owned(),
        page_size: 2,
        page_token: String::new(),
    };
    let page = topics
        .list_topics(asked.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(page.topics.len(), 2);
    asked.page_token = page.next_page_token;
    let page = topics
        .list_topics(asked.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!((page.topics.len(), page.next_page_token.as_str()), (1, ""));
    asked.page_token = "made up".to_owned();
    let refused = topics.list_topics(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let mut schemas = SchemaServiceClient::new(emulator.router());
    let none = schemas
        .list_schemas(ListSchemasRequest {
            parent: "projects/test".to_owned(),
            ..ListSchemasRequest::default()
        })
        .await
        .unwrap();
    assert!(none.into_inner().schemas.is_empty());
}

/// Google's emulator answers the same code.
#[tokio::test]
async fn there_is_no_iam() {
    let server = crate::harness::Server::memory().await;
    let url = format!("{}/google.iam.v1.IAMPolicy/GetIamPolicy", server.url);
    let answer = server.http.post(url).send().await.unwrap();
    let status = answer.headers().get("grpc-status").unwrap();
    assert_eq!(status, "12");
    for verb in ["setIamPolicy", "testIamPermissions"] {
        let path = format!("{TOPIC}:{verb}");
        assert_eq!(server.post(&path, serde_json::json!({})).await.0, 501);
    }
    assert_eq!(server.get(&format!("{TOPIC}:getIamPolicy")).await.0, 501);
    server.stop().await;
}
