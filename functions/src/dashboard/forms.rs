//! The machine form of a page: asked for by its name with `.json`, or with an `Accept` that prefers JSON, it is the answer
//! of the page's address below `/api/`.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use tower::ServiceExt;

/// Pages that have one, by the first part of their path; the front page's is called `grid`.
const PAGES: [&str; 13] = [
    "about", "build", "builder", "builders", "commits", "diff", "failures", "flakes", "machines",
    "queue", "test", "tests", "try",
];

/// What is not a page, and yet has a name that one would ask for.
const ALSO: [&str; 4] = ["audit", "farm", "grid", "status"];

/// Hands who wants JSON of a page to the address below `/api/`, which `answers` knows.
pub(super) async fn chosen(
    State(answers): State<Router>,
    request: Request,
    next: Next,
) -> Response {
    match machine_form(request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(uri) => {
            let mut request = request;
            *request.uri_mut() = uri;
            // What the page's route took out of the path is not for the other's handler.
            request.extensions_mut().clear();
            match answers.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    }
}

/// The address of what is asked for, if that is the machine form of a page.
fn machine_form(uri: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let path = uri.path().strip_prefix('/')?;
    let named = path.strip_suffix(".json");
    // A query of 2019 says by itself in which form it wants the front page.
    let old = uri.query().is_some_and(|query| query.contains("mode="));
    if named.is_none() && (old || !prefers_json(headers)) {
        return None;
    }
    let path = named.unwrap_or(path);
    let (first, rest) = path.split_at(path.find('/').unwrap_or(path.len()));
    let below = below(first, named.is_some())?;
    let query = uri
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    let target = format!("/api/{below}{rest}{query}");
    Some(PathAndQuery::try_from(target).ok()?.into())
}

/// What the first part of a path is called below `/api/`.
fn below(first: &str, named: bool) -> Option<&str> {
    match first {
        "" => Some("grid"),
        page if PAGES.contains(&page) => Some(page),
        also if named && ALSO.contains(&also) => Some(also),
        _ => None,
    }
}

/// Whether JSON weighs more than HTML (RFC 9110, 12.5.1). Whoever takes both alike, as browsers and `curl` do, gets HTML.
fn prefers_json(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let accept = lines.join(",");
    weight(&accept, "application", "json") > weight(&accept, "text", "html")
}

/// The weight that the most specific range gives to a type, in thousandths.
fn weight(accept: &str, kind: &str, subkind: &str) -> u32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (a, b) = parts.next()?.split_once('/')?;
        let fits = |given: &str, wanted: &str| given == "*" || given.eq_ignore_ascii_case(wanted);
        let stars = u8::from(a == "*") + u8::from(b == "*");
        let fits = fits(a, kind) && fits(b, subkind);
        fits.then(|| (stars, parts.find_map(quality).unwrap_or(1000)))
    });
    let best = ranges.min_by_key(|(stars, weight)| (*stars, std::cmp::Reverse(*weight)));
    best.map_or(0, |(_, weight)| weight)
}

/// `q=0.8` in thousandths; what cannot be read counts for nothing.
fn quality(parameter: &str) -> Option<u32> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value: f32 = value.trim().parse().unwrap_or(0.0);
    Some((value.clamp(0.0, 1.0) * 1000.0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Firefox and Chromium say.
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

    fn form(uri: &str, accept: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        machine_form(&uri.parse().unwrap(), &headers).map(|uri| uri.to_string())
    }

    #[test]
    fn a_name_or_a_preference_asks_for_it() {
        let api = |path: &str| Some(format!("/api/{path}"));
        let json = "application/json";
        assert_eq!(form("/", json), api("grid"));
        assert_eq!(form("/?repo=a&sheet=3", json), api("grid?repo=a&sheet=3"));
        assert_eq!(form("/builders.json", ""), api("builders"));
        assert_eq!(form("/builder/go1.12.json", BROWSER), api("builder/go1.12"));
        assert_eq!(
            form("/commits/ab.json?repo=x", ""),
            api("commits/ab?repo=x")
        );
        assert_eq!(form("/try/a%2Fb", json), api("try/a%2Fb"));
        assert_eq!(form("/status.json", ""), api("status"));
    }

    #[test]
    fn all_else_is_left_alone() {
        let json = "application/json";
        for path in ["/log/x", "/api/farm", "/read/x", "/status", "/nowhere.json"] {
            assert_eq!(form(path, json), None, "{path}");
        }
        assert_eq!(form("/?mode=json", json), None);
        assert_eq!(form("/builders", BROWSER), None);
        assert_eq!(form("/builders", ""), None);
    }

    #[test]
    fn weights_decide() {
        let json = |accept: &str| form("/builders", accept).is_some();
        assert!(json("application/json, text/html;q=0.9"));
        assert!(json("application/*, text/html; q=0.5"));
        assert!(json("text/*;q=0.3, */*;q=0.4"));
        assert!(json("Application/JSON;charset=utf-8;Q=0.1"));
        assert!(!json("application/json;q=0.5, text/html"));
        assert!(!json("application/json;q=0"));
        assert!(!json("application/json;q=x"));
        assert!(!json("*/*"));
        assert!(!json("application/json, text/html"));
    }
}
