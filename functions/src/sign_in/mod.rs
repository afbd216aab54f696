//! `sign-in`: who looks at pages becomes somebody who may give commands.
//!
//! | path | does |
//! |---|---|
//! | `GET /sign-in?back=` | with `FARM_OIDC_ISSUER`: off to that provider; else a form for a token of `farm token` |
//! | `POST /sign-in` | the form: `token`, `back` |
//! | `GET /sign-in/callback` | back from the provider (OpenID Connect Core 1.0, code flow with PKCE, RFC 7636) |
//! | `POST /sign-out` | the end of a session: `csrf` |
//!
//! A session is a cookie: see [`crate::session`]. With a provider, `FARM_OIDC_CLIENT_ID`, `FARM_OIDC_CLIENT_SECRET` and
//! `FARM_OIDC_ALLOW` are needed too; the last says who may: addresses, `*@domains` of addresses, `group:names`, with blanks or
//! commas between them. An address counts only where the provider says that it has checked it.

mod form;
mod oidc;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use farm_runtime::{Clock, Ids, Vars};
use serde::Deserialize;

use self::oidc::{Provider, Trouble};
use crate::dashboard::notice;
use crate::limit::Limit;
use crate::notice::{not_done, sign_in};
use crate::session::{LASTS, Sessions, back};
use crate::site::Site;

/// Bytes of a body: a token and a path.
const LARGEST: usize = 16 << 10;

struct SignIn {
    sessions: Sessions,
    /// What tokens are signed with.
    key: String,
    strangers: Limit,
    provider: Option<Provider>,
    clock: Clock,
    ids: Ids,
}

/// The function.
///
/// # Errors
/// A setting is missing or wrong; an empty key is missing.
pub fn build(vars: &Vars) -> anyhow::Result<Router> {
    let key = vars.require(
        "FARM_TOKEN_KEY",
        "the key that people's tokens are signed with",
    )?;
    let state = SignIn {
        sessions: Sessions::new(key.clone()),
        provider: Provider::read(vars, &key)?,
        key,
        strangers: Limit::strangers(),
        clock: Clock::system(),
        ids: Ids::system(),
    };
    let router = Router::new()
        .route("/sign-in", get(begin).post(form::post))
        .route("/sign-in/callback", get(callback))
        .route("/sign-out", post(end))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(Arc::new(state));
    notice::framed(router)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Way {
    back: Option<String>,
}

async fn begin(
    State(state): State<Arc<SignIn>>,
    Query(way): Query<Way>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let site = Site::of(&headers, &uri);
    let way = back(way.back.as_deref());
    let now = state.clock.now();
    if let Some(who) = state.sessions.signed_in(&headers, &site, now) {
        return form::signed_in(&who, way);
    }
    let Some(provider) = &state.provider else {
        return form::page(StatusCode::OK, None, way);
    };
    match provider.begin(&site, way, &state.ids, now).await {
        Ok(begun) => off(&begun.address, begun.cookie),
        Err(trouble) => failed(&trouble, way),
    }
}

async fn callback(
    State(state): State<Arc<SignIn>>,
    Query(answer): Query<oidc::Answer>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let site = Site::of(&headers, &uri);
    let now = state.clock.now();
    let Some(provider) = &state.provider else {
        return failed(&Trouble::Unknown, "/");
    };
    match provider.end(&site, &headers, answer, now).await {
        Ok(who) => {
            tracing::info!(subject = %who.subject, "signed in");
            let cookie = state.sessions.begin(&who.subject, now + LASTS, &site, now);
            let mut response = begun(cookie, &who.back);
            if let Ok(gone) = provider.forget(&site).parse() {
                response.headers_mut().append(header::SET_COOKIE, gone);
            }
            response
        }
        Err(trouble) => failed(&trouble, "/"),
    }
}

#[derive(Deserialize)]
struct End {
    csrf: String,
}

async fn end(
    State(state): State<Arc<SignIn>>,
    headers: HeaderMap,
    uri: Uri,
    Form(end): Form<End>,
) -> Response {
    let site = Site::of(&headers, &uri);
    let Some(who) = state.sessions.signed_in(&headers, &site, state.clock.now()) else {
        return Redirect::to("/").into_response();
    };
    match state.sessions.check(&who, &headers, &site, &end.csrf) {
        Ok(()) => off("/", Sessions::end(&site)),
        Err(why) => not_done(
            StatusCode::FORBIDDEN,
            "You are still signed in",
            &why.to_string(),
            Some(("/sign-in", "Try again")),
        ),
    }
}

/// On to `address`, with a cookie.
fn off(address: &str, cookie: String) -> Response {
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Redirect::to(address)).into_response()
}

/// Signed in, unless nobody of such a name can be.
fn begun(cookie: anyhow::Result<String>, way: &str) -> Response {
    match cookie {
        Ok(cookie) => off(way, cookie),
        Err(error) => {
            tracing::error!(%error, "a session cannot be made");
            failed(&Trouble::Unknown, way)
        }
    }
}

fn failed(trouble: &Trouble, way: &str) -> Response {
    tracing::info!(reason = %trouble.log(), "not signed in");
    let again = sign_in(way);
    let again = Some((again.as_str(), "Try again"));
    not_done(
        trouble.status(),
        "You are not signed in",
        &trouble.to_string(),
        again,
    )
}
