//! Tokens of people, as requests carry them: `Authorization: Bearer farm1.…`. None is ever told or logged.

use axum::http::{HeaderMap, header};
use farm_forge::token;
use farm_model::Timestamp;

/// What stands behind `Bearer`.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let bearer = scheme.eq_ignore_ascii_case("bearer");
    bearer.then(|| token.trim())
}

/// Who asks, by a token that is signed with `key` and good at `now`: the subject; or else why nobody knows.
pub(crate) fn subject(key: &str, headers: &HeaderMap, now: Timestamp) -> Result<String, String> {
    let given = self::token(headers).ok_or("say who you are: Authorization: Bearer farm1.…")?;
    match token::verify(key.as_bytes(), given, now) {
        Ok(claims) => Ok(claims.subject),
        Err(error) => Err(error.to_string()),
    }
}
