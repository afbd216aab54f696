//! `google.pubsub.v1.SchemaService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::broker::{Broker, Page, SchemaSource};
use crate::proto::schema_service::schema_service_server::SchemaService;
use crate::proto::validate_message_request::SchemaSpec;
use crate::proto::{
    CommitSchemaRequest, CreateSchemaRequest, DeleteSchemaRequest, DeleteSchemaRevisionRequest,
    GetSchemaRequest, ListSchemaRevisionsRequest, ListSchemaRevisionsResponse, ListSchemasRequest,
    ListSchemasResponse, RollbackSchemaRequest, Schema, ValidateMessageRequest,
    ValidateMessageResponse, ValidateSchemaRequest, ValidateSchemaResponse,
};
use crate::refusal::Refusal;
use crate::schema::{Definition, Reference, Viewed};

#[derive(Debug)]
pub(crate) struct Service(pub Arc<Broker>);

fn given(schema: Option<Schema>) -> Result<Schema, Refusal> {
    schema.ok_or_else(|| Refusal::invalid_field("schema", "no schema given"))
}

#[tonic::async_trait]
impl SchemaService for Service {
    async fn create_schema(
        &self,
        request: Request<CreateSchemaRequest>,
    ) -> Result<Response<Schema>, Status> {
        let asked = request.into_inner();
        let schema = given(asked.schema)?;
        let made = self
            .0
            .create_schema(&asked.parent, &asked.schema_id, schema);
        Ok(Response::new(made.await?))
    }

    async fn get_schema(
        &self,
        request: Request<GetSchemaRequest>,
    ) -> Result<Response<Schema>, Status> {
        let GetSchemaRequest { name, view } = request.into_inner();
        let view = Viewed::of(view, Viewed::Full);
        let found = self.0.schema(&Reference::parse(&name)?, view)?;
        Ok(Response::new(found))
    }

    async fn list_schemas(
        &self,
        request: Request<ListSchemasRequest>,
    ) -> Result<Response<ListSchemasResponse>, Status> {
        let asked = request.into_inner();
        let page = Page::new(asked.page_size, &asked.page_token)?;
        let view = Viewed::of(asked.view, Viewed::Basic);
        let (schemas, next_page_token) = self.0.schemas(&asked.parent, view, page)?;
        Ok(Response::new(ListSchemasResponse {
            schemas,
            next_page_token,
        }))
    }

    async fn list_schema_revisions(
        &self,
        request: Request<ListSchemaRevisionsRequest>,
    ) -> Result<Response<ListSchemaRevisionsResponse>, Status> {
        let asked = request.into_inner();
        let page = Page::new(asked.page_size, &asked.page_token)?;
        let view = Viewed::of(asked.view, Viewed::Basic);
        let (schemas, next_page_token) = self.0.schema_revisions(&asked.name, view, page)?;
        Ok(Response::new(ListSchemaRevisionsResponse {
            schemas,
            next_page_token,
        }))
    }

    async fn commit_schema(
        &self,
        request: Request<CommitSchemaRequest>,
    ) -> Result<Response<Schema>, Status> {
        let asked = request.into_inner();
        let made = self.0.commit_schema(&asked.name, given(asked.schema)?);
        Ok(Response::new(made.await?))
    }

    async fn rollback_schema(
        &self,
        request: Request<RollbackSchemaRequest>,
    ) -> Result<Response<Schema>, Status> {
        let asked = request.into_inner();
        let made = self.0.rollback_schema(&asked.name, &asked.revision_id);
        Ok(Response::new(made.await?))
    }

    async fn delete_schema_revision(
        &self,
        request: Request<DeleteSchemaRevisionRequest>,
    ) -> Result<Response<Schema>, Status> {
        let asked = request.into_inner();
        let mut reference = Reference::parse(&asked.name)?;
        #[expect(deprecated, reason = "old clients still set it, and mean it")]
        if reference.revision.is_none() && !asked.revision_id.is_empty() {
            reference.revision = Some(asked.revision_id);
        }
        let removed = self.0.delete_schema_revision(&reference).await?;
        Ok(Response::new(removed))
    }

    async fn delete_schema(
        &self,
        request: Request<DeleteSchemaRequest>,
    ) -> Result<Response<()>, Status> {
        self.0.delete_schema(&request.into_inner().name).await?;
        Ok(Response::new(()))
    }

    async fn validate_schema(
        &self,
        request: Request<ValidateSchemaRequest>,
    ) -> Result<Response<ValidateSchemaResponse>, Status> {
        let asked = request.into_inner();
        crate::names::ProjectName::parse(&asked.parent)?;
        Definition::parse(&given(asked.schema)?)?;
        Ok(Response::new(ValidateSchemaResponse {}))
    }

    async fn validate_message(
        &self,
        request: Request<ValidateMessageRequest>,
    ) -> Result<Response<ValidateMessageResponse>, Status> {
        let asked = request.into_inner();
        crate::names::ProjectName::parse(&asked.parent)?;
        let encoding = asked.encoding();
        let source = match asked.schema_spec {
            Some(SchemaSpec::Name(name)) => SchemaSource::Known(Reference::parse(&name)?),
            Some(SchemaSpec::Schema(schema)) => SchemaSource::Given(schema),
            None => return Err(Refusal::invalid_field("schema_spec", "no schema given").into()),
        };
        self.0.validate_message(&source, &asked.message, encoding)?;
        Ok(Response::new(ValidateMessageResponse {}))
    }
}
