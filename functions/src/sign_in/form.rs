//! The form for a token, and what is shown to who is signed in.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use farm_forge::token;
use serde::Deserialize;

use super::{SignIn, begun};
use crate::dashboard::notice;
use crate::limit::address;
use crate::session::{SignedIn, back, is_same_site};
use crate::site::Site;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    trouble: Option<&'a str>,
    back: &'a str,
}

#[derive(Template)]
#[template(path = "signed_in.html")]
struct There<'a> {
    subject: &'a str,
    csrf: &'a str,
    back: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Given {
    token: String,
    back: Option<String>,
}

/// The form; with what is wrong with what was sent before.
pub(super) fn page(status: StatusCode, trouble: Option<&str>, back: &str) -> Response {
    let body = Page { trouble, back }.render();
    notice::page(status, "Sign in", &body.unwrap_or_default())
}

/// Who is signed in, and how to end that.
pub(super) fn signed_in(who: &SignedIn, back: &str) -> Response {
    let (subject, csrf) = (who.subject.as_str(), who.csrf.as_str());
    let body = There {
        subject,
        csrf,
        back,
    };
    notice::page(
        StatusCode::OK,
        "Signed in",
        &body.render().unwrap_or_default(),
    )
}

/// Takes the form. A page elsewhere cannot sign somebody in as somebody else.
pub(super) async fn post(
    State(state): State<Arc<SignIn>>,
    headers: HeaderMap,
    uri: Uri,
    Form(given): Form<Given>,
) -> Response {
    let site = Site::of(&headers, &uri);
    let way = back(given.back.as_deref());
    if !is_same_site(&headers, &site) {
        let text = "this was sent from a page of another site";
        return page(StatusCode::FORBIDDEN, Some(text), way);
    }
    let now = state.clock.now();
    match token::verify(state.key.as_bytes(), given.token.trim(), now) {
        Ok(claims) => {
            tracing::info!(subject = %claims.subject, "signed in");
            let cookie = state
                .sessions
                .begin(&claims.subject, claims.expires, &site, now);
            begun(cookie, way)
        }
        Err(error) => match state.strangers.take(address(&headers), now) {
            Ok(()) => page(StatusCode::UNAUTHORIZED, Some(&error.to_string()), way),
            Err(many) => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let after = [(header::RETRY_AFTER, many.0.as_secs().to_string())];
                (after, page(status, Some(&many.to_string()), way)).into_response()
            }
        },
    }
}
