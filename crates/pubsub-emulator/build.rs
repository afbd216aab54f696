//! Generates the server traits of the Pub/Sub services, and of IAM's. The message types come from a crate that
//! has clients only, and generating from a list of methods needs no `protoc`.

use tonic_build::manual::{Builder, Method, Service};

const PUBSUB: Package = Package {
    name: "google.pubsub.v1",
    types: "::googleapis_tonic_google_pubsub_v1::google::pubsub::v1",
};
const IAM: Package = Package {
    name: "google.iam.v1",
    types: "::googleapis_tonic_google_iam_v1::google::iam::v1",
};
/// `google.protobuf.Empty`. The generator wants a path, so the unit type needs a name.
const EMPTY: &str = "crate::proto::Empty";

/// A package of services, and where its messages are.
struct Package {
    name: &'static str,
    types: &'static str,
}

fn main() {
    Builder::new().compile(&[publisher(), subscriber(), schema_service(), iam_policy()]);
}

fn iam_policy() -> Service {
    service(
        &IAM,
        "IAMPolicy",
        &[
            ("SetIamPolicy", "SetIamPolicyRequest", "Policy"),
            ("GetIamPolicy", "GetIamPolicyRequest", "Policy"),
            (
                "TestIamPermissions",
                "TestIamPermissionsRequest",
                "TestIamPermissionsResponse",
            ),
        ],
    )
}

fn publisher() -> Service {
    service(
        &PUBSUB,
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
        &PUBSUB,
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
        &PUBSUB,
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
fn service(package: &Package, name: &str, methods: &[(&str, &str, &str)]) -> Service {
    let start = Service::builder().name(name).package(package.name);
    methods
        .iter()
        .fold(start, |service, (route, input, output)| {
            service.method(method(package.types, route, input, output))
        })
        .build()
}

fn method(types: &str, route: &str, input: &str, output: &str) -> Method {
    let builder = Method::builder()
        .name(snake_case(route))
        .route_name(route)
        .input_type(format!("{types}::{input}"))
        .output_type(match output {
            "" => EMPTY.to_owned(),
            named => format!("{types}::{named}"),
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
