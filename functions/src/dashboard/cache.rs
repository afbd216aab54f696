//! How long an answer is good, and for whom: said in one place, for browsers and for a CDN in front.
//!
//! A handler says what it knows: [`tagged`] where it knows a version, [`Keep`] where an answer is good for longer than a
//! page of now. The rest is done here, to every answer on its way out (RFC 9110 and 9111, RFC 5861).

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use sha2::{Digest, Sha256};

/// What answers depend on beside their address: form, compression, and who is signed in.
const VARY: HeaderValue = HeaderValue::from_static("accept, accept-encoding, cookie");
/// Answers up to so many bytes get a version of their own text where their handler knew none.
const DIGESTED: u64 = 1 << 20;

/// What the name of a session's cookie has, on http as on https: who has none sees what everybody sees.
const SESSION: &str = "farm-session";

/// How long an answer is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// A page of now: what a CDN has is a second old, or shown once more while it asks.
    Now,
    /// A little picture, which many pages embed.
    Minute,
    /// What will hardly change any more: shown at once, and asked for again meanwhile.
    Settled,
    /// What cannot change.
    Forever,
    /// What nobody may keep.
    Never,
}

impl Keep {
    fn for_all(self) -> &'static str {
        match self {
            Self::Now => "public, max-age=1, stale-while-revalidate=30",
            Self::Minute => "public, max-age=60",
            Self::Settled => "public, max-age=60, stale-while-revalidate=86400",
            Self::Forever => "public, max-age=31536000, immutable",
            Self::Never => "no-store",
        }
    }
}

impl IntoResponseParts for Keep {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let value = HeaderValue::from_static(self.for_all());
        parts.headers_mut().insert(header::CACHE_CONTROL, value);
        Ok(parts)
    }
}

/// An answer that a client who has this version of it need not hear again.
pub(super) fn tagged(tag: &str, answer: impl IntoResponse) -> Response {
    // Weak, since the answer may be compressed on its way.
    ([(header::ETAG, format!("W/\"{tag}\""))], answer).into_response()
}

/// Through which every answer goes: what may be kept says so, and who has it is not told it again.
pub(super) async fn kept(request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let response = next.run(request).await;
    let mut response = match is_good(&response) && asked.reads {
        true => asked.unless_known(versioned(response).await),
        false => (Keep::Never, response).into_response(),
    };
    asked.limit(response.headers_mut());
    response.headers_mut().insert(header::VARY, VARY);
    response
}

/// What matters of a request once it is answered.
struct Asked {
    reads: bool,
    /// It says who asks, so that the answer may be for them alone.
    token: bool,
    cookie: bool,
    /// The versions that the client has.
    known: String,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let text = |name| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        Self {
            reads: matches!(*request.method(), Method::GET | Method::HEAD),
            token: headers.contains_key(header::AUTHORIZATION),
            cookie: text(header::COOKIE).contains(SESSION),
            known: text(header::IF_NONE_MATCH).to_owned(),
        }
    }

    fn unless_known(&self, response: Response) -> Response {
        let tag = response.headers().get(header::ETAG);
        let Some(tag) = tag.and_then(|tag| tag.to_str().ok()) else {
            return response;
        };
        let same = |known: &str| known.trim() == tag;
        if self.known == "*" || self.known.split(',').any(same) {
            return not_modified(response.headers());
        }
        response
    }

    fn limit(&self, headers: &mut HeaderMap) {
        let said = headers.get(header::CACHE_CONTROL);
        let said = said
            .and_then(|said| said.to_str().ok())
            .unwrap_or(Keep::Now.for_all());
        let said = match said.strip_prefix("public") {
            Some(_) if self.token => Keep::Never.for_all().to_owned(),
            Some(rest) if self.cookie && rest.ends_with("immutable") => format!("private{rest}"),
            Some(_) if self.cookie => "private, no-cache".to_owned(),
            _ => said.to_owned(),
        };
        if let Ok(said) = HeaderValue::from_str(&said) {
            headers.insert(header::CACHE_CONTROL, said);
        }
    }
}

fn is_good(response: &Response) -> bool {
    matches!(
        response.status(),
        StatusCode::OK | StatusCode::PARTIAL_CONTENT
    )
}

/// What a client needs to go on with what it has (RFC 9110, section 15.4.5).
fn not_modified(of: &HeaderMap) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    for name in [header::ETAG, header::CACHE_CONTROL] {
        if let Some(value) = of.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// With a version: that which the handler knew, or a digest of what it says. A stream goes without, and so does what
/// nobody may keep.
async fn versioned(response: Response) -> Response {
    let never = |value: &HeaderValue| value == Keep::Never.for_all();
    let headers = response.headers();
    let known = headers.contains_key(header::ETAG);
    let refused = headers.get(header::CACHE_CONTROL).is_some_and(never);
    let small = response.body().size_hint().exact();
    if known || refused || small.is_none_or(|size| size > DIGESTED) {
        return response;
    }
    let (parts, body) = response.into_parts();
    match to_bytes(body, DIGESTED as usize).await {
        Ok(bytes) => {
            let tag = hex::encode(&Sha256::digest(&bytes)[..12]);
            tagged(&tag, Response::from_parts(parts, Body::from(bytes)))
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(keep: Keep, header: Option<(&str, &str)>) -> String {
        let mut request = Request::get("/");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let mut response = (keep, "text").into_response();
        Asked::of(&request.body(Body::empty()).unwrap()).limit(response.headers_mut());
        let said = &response.headers()[header::CACHE_CONTROL];
        said.to_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_for_one_person_is_kept_by_nobody_else() {
        let token = Some(("authorization", "Bearer farm1.x"));
        let cookie = Some(("cookie", "a=b; __Host-farm-session=farm1.x"));
        let other = Some(("cookie", "a=b"));
        assert_eq!(limited(Keep::Now, None), Keep::Now.for_all());
        assert_eq!(limited(Keep::Now, other), Keep::Now.for_all());
        assert_eq!(limited(Keep::Now, token), "no-store");
        assert_eq!(limited(Keep::Forever, token), "no-store");
        assert_eq!(limited(Keep::Settled, cookie), "private, no-cache");
        let forever = "private, max-age=31536000, immutable";
        assert_eq!(limited(Keep::Forever, cookie), forever);
        assert_eq!(limited(Keep::Never, cookie), "no-store");
    }
}
