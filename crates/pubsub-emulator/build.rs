//! Generates the server traits of the Pub/Sub services. The message types come from a crate that
//! has clients only, and generating from a list of methods needs no `protoc`.

use tonic_build::manual::{Builder, Method, Service};

const TYPES: &str = "::googleapis_tonic_google_pubsub_v1::google::pubsub::v1";
/// `google.protobuf.Empty`. The generator wants a path, so the unit type needs a name.
const EMPTY: &str = "crate::proto::Empty";

fn main() {
    Builder::new().compile(&[publisher(), subscriber(), schema_service()]);
}

fn publisher() -> Service {
    service(
        "Publisher",
        &[
            ("CreateTopic", "Topic", "Topic"),
            ("UpdateTopic", "UpdateTopicRequest", "Topic"),
            ("Publish", "PublishRequest", "PublishResponse"),
            ("GetTopic", "GetTopicRequest", "Topic"),
            ("ListTopics", "ListTopicsRequest", "ListTopicsResponse"),
            (
                "ListTopicSubscriptions",
                "ListTopicSubscriptionsRequest",
                "ListTopicSubscriptionsResponse",
            ),
            (
                "ListTopicSnapshots",
                "ListTopicSnapshotsRequest",
                "ListTopicSnapshotsResponse",
            ),
            ("DeleteTopic", "DeleteTopicRequest", ""),
            (
                "DetachSubscription",
                "DetachSubscriptionRequest",
                "DetachSubscriptionResponse",
            ),
        ],
    )
}

fn subscriber() -> Service {
    service(
        "Subscriber",
        &[
            ("CreateSubscription", "Subscription", "Subscription"),
            ("GetSubscription", "GetSubscriptionRequest", "Subscription"),
            (
                "UpdateSubscription",
                "UpdateSubscriptionRequest",
                "Subscription",
            ),
            (
                "ListSubscriptions",
                "ListSubscriptionsRequest",
                "ListSubscriptionsResponse",
            ),
            ("DeleteSubscription", "DeleteSubscriptionRequest", ""),
            ("ModifyAckDeadline", "ModifyAckDeadlineRequest", ""),
            ("Acknowledge", "AcknowledgeRequest", ""),
            ("Pull", "PullRequest", "PullResponse"),
            (
                "StreamingPull",
                "StreamingPullRequest",
                "StreamingPullResponse",
            ),
            ("ModifyPushConfig", "ModifyPushConfigRequest", ""),
            ("GetSnapshot", "GetSnapshotRequest", "Snapshot"),
            (
                "ListSnapshots",
                "ListSnapshotsRequest",
                "ListSnapshotsResponse",
            ),
            ("CreateSnapshot", "CreateSnapshotRequest", "Snapshot"),
            ("UpdateSnapshot", "UpdateSnapshotRequest", "Snapshot"),
            ("DeleteSnapshot", "DeleteSnapshotRequest", ""),
            ("Seek", "SeekRequest", "SeekResponse"),
        ],
    )
}

fn schema_service() -> Service {
    service(
        "SchemaService",
        &[
            ("CreateSchema", "CreateSchemaRequest", "Schema"),
            ("GetSchema", "GetSchemaRequest", "Schema"),
            ("ListSchemas", "ListSchemasRequest", "ListSchemasResponse"),
            (
                "ListSchemaRevisions",
                "ListSchemaRevisionsRequest",
                "ListSchemaRevisionsResponse",
            ),
            ("CommitSchema", "CommitSchemaRequest", "Schema"),
            ("RollbackSchema", "RollbackSchemaRequest", "Schema"),
            (
                "DeleteSchemaRevision",
                "DeleteSchemaRevisionRequest",
                "Schema",
            ),
            ("DeleteSchema", "DeleteSchemaRequest", ""),
            (
                "ValidateSchema",
                "ValidateSchemaRequest",
                "ValidateSchemaResponse",
            ),
            (
                "ValidateMessage",
                "ValidateMessageRequest",
                "ValidateMessageResponse",
            ),
        ],
    )
}

/// A service from its methods: route name, input type, output type (nothing means `Empty`).
fn service(name: &str, methods: &[(&str, &str, &str)]) -> Service {
    let start = Service::builder().name(name).package("google.pubsub.v1");
    methods
        .iter()
        .fold(start, |service, (route, input, output)| {
            service.method(method(route, input, output))
        })
        .build()
}

fn method(route: &str, input: &str, output: &str) -> Method {
    let builder = Method::builder()
        .name(snake_case(route))
        .route_name(route)
        .input_type(format!("{TYPES}::{input}"))
        .output_type(match output {
            "" => EMPTY.to_owned(),
            // Their messages were encoded when they were published.
            "PullResponse" | "StreamingPullResponse" => format!("crate::encoded::{output}"),
            named => format!("{TYPES}::{named}"),
        })
        .codec_path("::tonic_prost::ProstCodec");
    if route == "StreamingPull" {
        builder.client_streaming().server_streaming().build()
    } else {
        builder.build()
    }
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
