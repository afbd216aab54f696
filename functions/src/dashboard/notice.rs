//! Pages of other functions: a few words in the frame that all pages have.

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};

use super::guarded;
use super::shell::Shell;

#[derive(Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    shell: Shell,
    heading: &'a str,
    /// Markup: whoever made it has escaped what others wrote.
    body: &'a str,
}

/// A page that nobody keeps. `body` is markup, in which what others wrote is escaped.
pub(crate) fn page(status: StatusCode, heading: &'static str, body: &str) -> Response {
    let shell = Shell::new(heading, "", None);
    let notice = Notice {
        shell,
        heading,
        body,
    };
    let kept = [(header::CACHE_CONTROL, "no-store")];
    match notice.render() {
        Ok(html) => (status, kept, Html(html)).into_response(),
        Err(_) => (status, kept, heading).into_response(),
    }
}

/// Lets browsers do with the answers of `router` what they may do with those of pages.
///
/// # Errors
/// Never, as every start of the dashboard shows.
pub(crate) fn framed<S>(router: Router<S>) -> anyhow::Result<Router<S>>
where
    S: Clone + Send + Sync + 'static,
{
    let policy = HeaderValue::from_str(&Shell::policy())?;
    Ok(router.layer(from_fn_with_state(policy, guarded)))
}
