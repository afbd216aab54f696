//! Which method a request means: `google.api.http` rules, as the API documents them.

use axum::http::Method;
use percent_encoding::percent_decode_str;

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Not looked at.
    None,
    /// The request message.
    Whole,
    /// One field of the request message.
    Field(&'static str),
}

/// One method under one path: `{field=projects/*/things/*}`, then perhaps `/literal` or `:verb`.
pub(super) struct Rule<R> {
    method: Method,
    path: &'static str,
    body: Body,
    rpc: R,
}

/// A path after `/v1/`, in pieces.
pub(super) struct Path {
    segments: Vec<String>,
    verb: Option<String>,
}

/// What a rule makes of a request.
pub(super) struct Match<R> {
    pub rpc: R,
    pub body: Body,
    /// The field that the path sets, and what to.
    pub bound: (&'static str, String),
}

impl<R: Copy> Rule<R> {
    pub const fn new(method: Method, path: &'static str, body: Body, rpc: R) -> Self {
        Self {
            method,
            path,
            body,
            rpc,
        }
    }

    fn matches(&self, method: &Method, path: &Path) -> Option<Match<R>> {
        let (inner, suffix) = self.path.strip_prefix('{')?.split_once('}')?;
        let (field, template) = inner.split_once('=')?;
        let (literal, verb) = match suffix.split_once(':') {
            Some((literal, verb)) => (literal, Some(verb)),
            None => (suffix, None),
        };
        let wanted = template.split('/').chain(literal.split('/').skip(1));
        let fits = self.method == *method
            && path.verb.as_deref() == verb
            && path.segments.len() == wanted.clone().count()
            && wanted
                .zip(&path.segments)
                .all(|(want, have)| want == "*" && !have.is_empty() || want == have);
        fits.then(|| Match {
            rpc: self.rpc,
            body: self.body,
            bound: (
                field,
                path.segments[..template.split('/').count()].join("/"),
            ),
        })
    }
}

impl Path {
    /// Nothing if it is not of `/v1/` or not UTF-8.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/v1/")?;
        let (rest, verb) = match rest.rsplit_once(':') {
            Some((rest, verb)) if !verb.contains('/') => (rest, Some(verb.to_owned())),
            _ => (rest, None),
        };
        let decode = |segment: &str| Some(percent_decode_str(segment).decode_utf8().ok()?.into());
        let segments = rest.split('/').map(decode).collect::<Option<_>>()?;
        Some(Self { segments, verb })
    }
}

/// The first rule that fits.
pub(super) fn find<R: Copy>(rules: &[Rule<R>], method: &Method, path: &Path) -> Option<Match<R>> {
    rules.iter().find_map(|rule| rule.matches(method, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(rule: &'static str, path: &str) -> Option<(&'static str, String)> {
        let rule = Rule::new(Method::GET, rule, Body::None, ());
        let found = rule.matches(&Method::GET, &Path::parse(path)?)?;
        Some(found.bound)
    }

    #[test]
    fn a_path_binds_its_field() {
        let name = "projects/p/topics/abc".to_owned();
        let rule = "{topic=projects/*/topics/*}";
        assert_eq!(
            bound(rule, "/v1/projects/p/topics/abc"),
            Some(("topic", name.clone()))
        );
        assert_eq!(
            bound(
                "{topic=projects/*/topics/*}/snapshots",
                "/v1/projects/p/topics/abc/snapshots"
            ),
            Some(("topic", name.clone()))
        );
        assert_eq!(
            bound(
                "{topic=projects/*/topics/*}:publish",
                "/v1/projects/p/topics/abc:publish"
            ),
            Some(("topic", name))
        );
        assert_eq!(
            bound(
                "{parent=projects/*}/schemas:validate",
                "/v1/projects/p/schemas:validate"
            ),
            Some(("parent", "projects/p".to_owned()))
        );
        assert_eq!(
            bound(rule, "/v1/projects/example.com%3Ap/topics/a%25b"),
            Some(("topic", "projects/example.com:p/topics/a%b".to_owned()))
        );
    }

    #[test]
    fn other_paths_are_not_taken() {
        for path in [
            "/v2/projects/p/topics/abc",
            "/v1/projects/p/topics",
            "/v1/projects/p/topics/",
            "/v1/projects/p/topics/abc:publish",
            "/v1/projects/p/topics/abc/more",
            "/v1/projects/p/subscriptions/abc",
            "/v1/projects/p/topics/%ff",
        ] {
            assert_eq!(bound("{topic=projects/*/topics/*}", path), None, "{path}");
        }
    }
}
