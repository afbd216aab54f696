//! Who may ask, and for what: a page of another site, open in the same browser, may neither read messages nor send any back.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use farm_runtime::Ids;

use super::Site;
use super::shell;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What tells our own pages from others'.
pub(super) struct Guard {
    /// Only this computer asks, by one of its own names.
    loopback: bool,
    /// In every form of ours; nobody else knows it.
    token: String,
}

impl Guard {
    pub(super) fn new(address: SocketAddr, ids: &Ids) -> Self {
        Self {
            loopback: address.ip().is_loopback(),
            token: ids.hex(16),
        }
    }

    /// For forms.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Whether a form is one of our own pages': the token is right, and the browser does not say otherwise.
    pub(super) fn is_ours(&self, headers: &HeaderMap, token: &str) -> bool {
        let text = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
        let near = text(&SITE).is_none_or(|site| site == b"same-origin");
        let host = text(&header::HOST).unwrap_or_default();
        let origin = text(&header::ORIGIN);
        let same = origin.is_none_or(|origin| origin.strip_prefix(b"http://") == Some(host));
        near && same && same_text(token, &self.token)
    }

    /// Whether this computer was meant. A name that somebody else made point here was not: such a page's site could read
    /// what it is answered.
    fn was_meant(&self, headers: &HeaderMap) -> bool {
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
        let host = host.and_then(|host| Authority::try_from(host).ok());
        !self.loopback || host.is_some_and(|host| is_own(host.host()))
    }
}

fn is_own(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    bare.eq_ignore_ascii_case("localhost") || address.is_ok_and(|ip| ip.is_loopback())
}

/// In a time that does not tell how much of it was right.
fn same_text(one: &str, other: &str) -> bool {
    let differs = one
        .bytes()
        .zip(other.bytes())
        .fold(0, |d, (a, b)| d | (a ^ b));
    one.len() == other.len() && differs == 0
}

/// Puts the guard before the router, and a policy on what it answers.
pub(super) fn guarded(
    router: Router<Arc<Site>>,
    site: &Arc<Site>,
) -> anyhow::Result<Router<Arc<Site>>> {
    let policy = HeaderValue::from_str(&shell::policy()).context("the console's policy")?;
    let state = (Arc::clone(site), policy);
    Ok(router.layer(from_fn_with_state(state, check)))
}

async fn check(
    State((site, policy)): State<(Arc<Site>, HeaderValue)>,
    request: Request,
    next: Next,
) -> Response {
    let mut answer = if site.guard.was_meant(request.headers()) {
        next.run(request).await
    } else {
        let text = "this page is for this computer: open it as http://127.0.0.1\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    };
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        let each = given.iter();
        each.map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
    }

    #[test]
    fn only_names_of_this_computer_are_meant() {
        let guard = Guard::new(([127, 0, 0, 1], 8086).into(), &Ids::system());
        for host in [
            "127.0.0.1:8086",
            "localhost:8086",
            "[::1]:8086",
            "127.0.0.1",
        ] {
            let host: &'static str = host;
            assert!(guard.was_meant(&headers(&[("host", host)])), "{host}");
        }
        for host in [
            "evil.example:8086",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "",
        ] {
            let host: &'static str = host;
            assert!(!guard.was_meant(&headers(&[("host", host)])), "{host}");
        }
        assert!(!guard.was_meant(&HeaderMap::new()));
        let open = Guard::new(([0, 0, 0, 0], 8086).into(), &Ids::system());
        assert!(open.was_meant(&headers(&[("host", "farm.example")])));
    }

    #[test]
    fn a_form_is_ours_by_its_token_and_by_what_the_browser_says() {
        let guard = Guard::new(([127, 0, 0, 1], 8086).into(), &Ids::system());
        let token = guard.token().to_owned();
        let host = ("host", "127.0.0.1:8086");
        let ours = headers(&[
            host,
            ("origin", "http://127.0.0.1:8086"),
            ("sec-fetch-site", "same-origin"),
        ]);
        assert!(guard.is_ours(&ours, &token));
        assert!(guard.is_ours(&headers(&[host]), &token));
        assert!(!guard.is_ours(&ours, ""));
        assert!(!guard.is_ours(&ours, &token.replace(&token[..1], "x")));
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(
                !guard.is_ours(&headers(&[host, foreign]), &token),
                "{foreign:?}"
            );
        }
    }
}
