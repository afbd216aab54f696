//! Which path is whose.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::status::Refusal;
use super::{Kubernetes, admin, create, delete, discovery, read};

pub(super) fn router(kubernetes: &Kubernetes) -> Router {
    let token = from_fn_with_state(kubernetes.clone(), with_token);
    Router::new()
        .route("/version", get(discovery::version))
        .route("/api", get(discovery::api))
        .route("/apis", get(discovery::apis))
        .route("/api/v1", get(discovery::resources))
        .nest("/api/v1", objects())
        .route_layer(token)
        .route("/healthz", get("ok"))
        .route("/livez", get("ok"))
        .route("/readyz", get("ok"))
        .nest("/emulator", admin::router())
        .fallback(async || Refusal::no_resource())
        .with_state(kubernetes.clone())
}

fn objects() -> Router<Kubernetes> {
    Router::new()
        .route("/namespaces", get(read::namespaces).post(create::namespace))
        .route("/namespaces/{namespace}", get(read::namespace))
        .route(
            "/namespaces/{namespace}/{kind}",
            get(read::spaced).post(create::spaced),
        )
        .route(
            "/namespaces/{namespace}/{kind}/{name}",
            get(read::one).delete(delete::one),
        )
        .route("/namespaces/{namespace}/pods/{name}/log", get(read::log))
        .route("/{kind}", get(read::everywhere))
        .method_not_allowed_fallback(async || Refusal::not_allowed("this verb"))
}

/// Lets through whoever brings the token, if there is one.
async fn with_token(
    State(kubernetes): State<Kubernetes>,
    request: Request,
    next: Next,
) -> Response {
    let given = request.headers().get(AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer "));
    let wanted = kubernetes.0.options.token.as_deref();
    if wanted.is_some() && given != wanted {
        return Refusal::no_token().into_response();
    }
    next.run(request).await
}
