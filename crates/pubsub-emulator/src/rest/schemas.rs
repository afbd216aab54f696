//! `/v1/projects/{project}/schemas`: <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.schemas>.

use axum::http::Method;
use serde_json::Value;
use tonic::Status;

use super::asked::Asked;
use super::rules::{Body, Rule};
use crate::proto::schema_service::schema_service_server::SchemaService;

#[derive(Clone, Copy, Debug)]
pub(super) enum Rpc {
    Create,
    Get,
    List,
    ListRevisions,
    Commit,
    Rollback,
    DeleteRevision,
    Delete,
    Validate,
    ValidateMessage,
}

const SCHEMA: &str = "{name=projects/*/schemas/*}";
const SCHEMAS: &str = "{parent=projects/*}/schemas";

pub(super) const RULES: [Rule<Rpc>; 10] = [
    Rule::new(Method::POST, SCHEMAS, Body::Field("schema"), Rpc::Create),
    Rule::new(Method::GET, SCHEMA, Body::None, Rpc::Get),
    Rule::new(Method::GET, SCHEMAS, Body::None, Rpc::List),
    Rule::new(
        Method::GET,
        "{name=projects/*/schemas/*}:listRevisions",
        Body::None,
        Rpc::ListRevisions,
    ),
    Rule::new(
        Method::POST,
        "{name=projects/*/schemas/*}:commit",
        Body::Whole,
        Rpc::Commit,
    ),
    Rule::new(
        Method::POST,
        "{name=projects/*/schemas/*}:rollback",
        Body::Whole,
        Rpc::Rollback,
    ),
    Rule::new(
        Method::DELETE,
        "{name=projects/*/schemas/*}:deleteRevision",
        Body::None,
        Rpc::DeleteRevision,
    ),
    Rule::new(Method::DELETE, SCHEMA, Body::None, Rpc::Delete),
    Rule::new(
        Method::POST,
        "{parent=projects/*}/schemas:validate",
        Body::Whole,
        Rpc::Validate,
    ),
    Rule::new(
        Method::POST,
        "{parent=projects/*}/schemas:validateMessage",
        Body::Whole,
        Rpc::ValidateMessage,
    ),
];

pub(super) async fn call(to: &impl SchemaService, rpc: Rpc, asked: Asked) -> Result<Value, Status> {
    match rpc {
        Rpc::Create => {
            let call = |r| to.create_schema(r);
            asked.call("CreateSchemaRequest", "Schema", call).await
        }
        Rpc::Get => {
            let call = |r| to.get_schema(r);
            asked.call("GetSchemaRequest", "Schema", call).await
        }
        Rpc::List => {
            let call = |r| to.list_schemas(r);
            asked
                .call("ListSchemasRequest", "ListSchemasResponse", call)
                .await
        }
        Rpc::ListRevisions => {
            let (input, output) = ("ListSchemaRevisionsRequest", "ListSchemaRevisionsResponse");
            asked
                .call(input, output, |r| to.list_schema_revisions(r))
                .await
        }
        Rpc::Commit => {
            let call = |r| to.commit_schema(r);
            asked.call("CommitSchemaRequest", "Schema", call).await
        }
        Rpc::Rollback => {
            let call = |r| to.rollback_schema(r);
            asked.call("RollbackSchemaRequest", "Schema", call).await
        }
        Rpc::DeleteRevision => {
            let call = |r| to.delete_schema_revision(r);
            asked
                .call("DeleteSchemaRevisionRequest", "Schema", call)
                .await
        }
        Rpc::Delete => {
            let call = |r| to.delete_schema(r);
            asked.call("DeleteSchemaRequest", super::EMPTY, call).await
        }
        Rpc::Validate => {
            let (input, output) = ("ValidateSchemaRequest", "ValidateSchemaResponse");
            asked.call(input, output, |r| to.validate_schema(r)).await
        }
        Rpc::ValidateMessage => {
            let (input, output) = ("ValidateMessageRequest", "ValidateMessageResponse");
            asked.call(input, output, |r| to.validate_message(r)).await
        }
    }
}
