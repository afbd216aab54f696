//! Conditions on a request: <https://cloud.google.com/storage/docs/request-preconditions>, RFC 9110, 13.

use axum::http::HeaderMap;

use crate::http::Query;
use crate::meta::Meta;
use crate::refusal::Refusal;

const GENERATION: &str = "x-goog-if-generation-match";
const METAGENERATION: &str = "x-goog-if-metageneration-match";
const SOURCE: &str = "x-goog-copy-source-";

/// On the object as it is now; none of them where all are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preconditions {
    generation: Option<u64>,
    metageneration: Option<u64>,
    reading: Reading,
}

/// The conditions of HTTP itself, which only readers have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reading {
    matches: Option<String>,
    none_matches: Option<String>,
    /// Seconds since the Unix epoch, as the next.
    modified_since: Option<u64>,
    unmodified_since: Option<u64>,
}

impl Preconditions {
    /// Of a request that writes or deletes.
    pub fn of_writer(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(Self {
            generation: number(headers, GENERATION)?,
            metageneration: number(headers, METAGENERATION)?,
            reading: Reading::default(),
        })
    }

    /// Of a request that reads.
    pub fn of_reader(headers: &HeaderMap) -> Result<Self, Refusal> {
        let reading = Reading::of(headers, "");
        Ok(Self {
            reading,
            ..Self::of_writer(headers)?
        })
    }

    /// Of a request of the JSON API, which has them in its query.
    pub fn of_query(query: &Query) -> Result<Self, Refusal> {
        Ok(Self {
            generation: query.number("ifGenerationMatch")?,
            metageneration: query.number("ifMetagenerationMatch")?,
            reading: Reading::default(),
        })
    }

    /// Of a copy, on what it copies.
    pub fn of_source(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(Self {
            generation: number(headers, &format!("{SOURCE}if-generation-match"))?,
            metageneration: number(headers, &format!("{SOURCE}if-metageneration-match"))?,
            reading: Reading::of(headers, SOURCE),
        })
    }

    /// Whether they hold for what is there `now`.
    pub fn check(&self, now: Option<&Meta>) -> Result<(), Refusal> {
        let generation = now.map_or(0, |meta| meta.generation);
        if self.generation.is_some_and(|wanted| wanted != generation) {
            return Err(Refusal::PreconditionFailed(GENERATION));
        }
        let metageneration = now.map(|meta| meta.metageneration);
        if self.metageneration.is_some() && self.metageneration != metageneration {
            return Err(Refusal::PreconditionFailed(METAGENERATION));
        }
        now.map_or(Ok(()), |meta| self.reading.check(meta))
    }
}

impl Reading {
    fn of(headers: &HeaderMap, prefix: &str) -> Self {
        let text = |name: &str| {
            let value = headers.get(format!("{prefix}{name}"))?;
            value.to_str().ok().map(str::to_owned)
        };
        // A date that is none is as if it were not there: RFC 9110, 13.1.3.
        let date = |name: &str| {
            let date = httpdate::parse_http_date(&text(name)?).ok()?;
            let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(since.as_secs())
        };
        Self {
            matches: text("if-match"),
            none_matches: text("if-none-match"),
            modified_since: date("if-modified-since"),
            unmodified_since: date("if-unmodified-since"),
        }
    }

    /// In the order of RFC 9110, 13.2.2.
    fn check(&self, meta: &Meta) -> Result<(), Refusal> {
        let (etag, modified) = (meta.etag(), meta.modified / 1_000_000);
        match (&self.matches, self.unmodified_since) {
            (Some(tags), _) if !names(tags, &etag) => {
                return Err(Refusal::PreconditionFailed("If-Match"));
            }
            (None, Some(since)) if modified > since => {
                return Err(Refusal::PreconditionFailed("If-Unmodified-Since"));
            }
            _ => {}
        }
        match (&self.none_matches, self.modified_since) {
            (Some(tags), _) if names(tags, &etag) => Err(Refusal::NotModified),
            (None, Some(since)) if modified <= since => Err(Refusal::NotModified),
            _ => Ok(()),
        }
    }
}

/// Whether a list of tags, or `*`, has this one.
fn names(tags: &str, etag: &str) -> bool {
    let bare = |tag: &str| {
        tag.trim()
            .trim_start_matches("W/")
            .trim_matches('"')
            .to_owned()
    };
    let mut all = tags.split(',').map(str::trim);
    all.any(|tag| tag == "*" || bare(tag) == bare(etag))
}

fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    let wrong = || Refusal::InvalidArgument(format!("{name} is a number"));
    number.ok_or_else(wrong).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Running;
    use crate::meta::{Described, http_date};

    const NOW: u64 = 1_700_000_000;

    fn meta() -> Meta {
        Meta {
            generation: 7,
            metageneration: 1,
            size: 0,
            digest: Running::new().finish(),
            components: None,
            modified: NOW * 1_000_000,
            described: Described::default(),
        }
    }

    /// `+` holds, `!` is 412, `=` is 304.
    fn outcome(headers: &[(&'static str, &str)], there: bool) -> char {
        let headers = headers.iter().map(|(name, value)| {
            let name = axum::http::HeaderName::from_static(name);
            (name, value.parse().unwrap())
        });
        let all = Preconditions::of_reader(&HeaderMap::from_iter(headers)).unwrap();
        match all.check(there.then(meta).as_ref()) {
            Ok(()) => '+',
            Err(Refusal::PreconditionFailed(_)) => '!',
            Err(Refusal::NotModified) => '=',
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn generations_guard_what_is_there_and_what_is_not() {
        for (name, value, there, expected) in [
            (GENERATION, "7", true, '+'),
            (GENERATION, "6", true, '!'),
            (GENERATION, "0", true, '!'),
            (GENERATION, "0", false, '+'),
            (GENERATION, "7", false, '!'),
            (METAGENERATION, "1", true, '+'),
            (METAGENERATION, "2", true, '!'),
            (METAGENERATION, "1", false, '!'),
        ] {
            assert_eq!(
                outcome(&[(name, value)], there),
                expected,
                "{name}: {value}, {there}"
            );
        }
    }

    #[test]
    fn readers_ask_by_tag_and_by_date() {
        let etag = meta().etag();
        let (before, then) = (http_date((NOW - 1) * 1_000_000), http_date(NOW * 1_000_000));
        for (name, value, expected) in [
            ("if-match", etag.as_str(), '+'),
            ("if-match", "\"x\"", '!'),
            ("if-match", "*", '+'),
            ("if-none-match", &format!("\"x\", W/{etag}"), '='),
            ("if-none-match", "\"x\"", '+'),
            ("if-modified-since", &then, '='),
            ("if-modified-since", &before, '+'),
            ("if-modified-since", "yesterday", '+'),
            ("if-unmodified-since", &then, '+'),
            ("if-unmodified-since", &before, '!'),
        ] {
            assert_eq!(outcome(&[(name, value)], true), expected, "{name}: {value}");
        }
        // A tag outranks a date.
        let both = [("if-none-match", "\"x\""), ("if-modified-since", &then)];
        assert_eq!(outcome(&both, true), '+');
    }

    #[test]
    fn a_generation_is_a_number() {
        let headers = HeaderMap::from_iter([(
            axum::http::HeaderName::from_static(GENERATION),
            "x".parse().unwrap(),
        )]);
        let refused = Preconditions::of_writer(&headers);
        assert!(matches!(refused, Err(Refusal::InvalidArgument(_))));
    }
}
