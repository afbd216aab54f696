//! `google.pubsub.v1.SchemaService`: there, so that its callers hear clearly that it is not.

use tonic::{Request, Response, Status};

use crate::proto::schema_service::schema_service_server::SchemaService;
use crate::proto::{
    CommitSchemaRequest, CreateSchemaRequest, DeleteSchemaRequest, DeleteSchemaRevisionRequest,
    GetSchemaRequest, ListSchemaRevisionsRequest, ListSchemaRevisionsResponse, ListSchemasRequest,
    ListSchemasResponse, RollbackSchemaRequest, Schema, ValidateMessageRequest,
    ValidateMessageResponse, ValidateSchemaRequest, ValidateSchemaResponse,
};
use crate::refusal::Refusal;

#[derive(Debug)]
pub(super) struct Service;

fn refuse<T>() -> Result<Response<T>, Status> {
    Err(Refusal::unsupported("schemas").into())
}

#[tonic::async_trait]
impl SchemaService for Service {
    async fn create_schema(
        &self,
        _: Request<CreateSchemaRequest>,
    ) -> Result<Response<Schema>, Status> {
        refuse()
    }

    async fn get_schema(&self, _: Request<GetSchemaRequest>) -> Result<Response<Schema>, Status> {
        refuse()
    }

    async fn list_schemas(
        &self,
        _: Request<ListSchemasRequest>,
    ) -> Result<Response<ListSchemasResponse>, Status> {
        refuse()
    }

    async fn list_schema_revisions(
        &self,
        _: Request<ListSchemaRevisionsRequest>,
    ) -> Result<Response<ListSchemaRevisionsResponse>, Status> {
        refuse()
    }

    async fn commit_schema(
        &self,
        _: Request<CommitSchemaRequest>,
    ) -> Result<Response<Schema>, Status> {
        refuse()
    }

    async fn rollback_schema(
        &self,
        _: Request<RollbackSchemaRequest>,
    ) -> Result<Response<Schema>, Status> {
        refuse()
    }

    async fn delete_schema_revision(
        &self,
        _: Request<DeleteSchemaRevisionRequest>,
    ) -> Result<Response<Schema>, Status> {
        refuse()
    }

    async fn delete_schema(&self, _: Request<DeleteSchemaRequest>) -> Result<Response<()>, Status> {
        refuse()
    }

    async fn validate_schema(
        &self,
        _: Request<ValidateSchemaRequest>,
    ) -> Result<Response<ValidateSchemaResponse>, Status> {
        refuse()
    }

    async fn validate_message(
        &self,
        _: Request<ValidateMessageRequest>,
    ) -> Result<Response<ValidateMessageResponse>, Status> {
        refuse()
    }
}
