//! Objects: <https://cloud.google.com/storage/docs/xml-api/get-object-download> and the pages beside it.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Call;
use super::asked::decode;
use super::body::{copy, receive};
use super::list::moment;
use crate::meta::{Described, Meta};
use crate::names::Place;
use crate::precondition::Preconditions;
use crate::range;
use crate::refusal::Refusal;
use crate::shelf::{Content, Draft};
use crate::store::Object;
use crate::xml::Xml;

pub(super) const COPY_SOURCE: &str = "x-goog-copy-source";

/// How often an object that is written over just then is looked for again.
const TRIES: usize = 16;

/// Headers of the answer that a reader may choose.
const CHOSEN: [(&str, header::HeaderName); 2] = [
    ("response-content-type", header::CONTENT_TYPE),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
];

impl Call {
    pub(super) async fn read(&self, place: &Place, head: bool) -> Result<Response, Refusal> {
        let conditions = Preconditions::of_reader(&self.headers)?;
        self.read_if(place, head, &conditions).await
    }

    /// The object under conditions that the caller has found; to `HEAD` without its content.
    pub(super) async fn read_if(
        &self,
        place: &Place,
        head: bool,
        conditions: &Preconditions,
    ) -> Result<Response, Refusal> {
        for _ in 0..TRIES {
            let object = self.store.get(place)?;
            if let Some(answer) = self.try_read(&object, head, conditions).await? {
                return Ok(answer);
            }
        }
        Err(Refusal::SlowDown)
    }

    /// None where the object was written over, or removed, just then.
    async fn try_read(
        &self,
        object: &Object,
        head: bool,
        conditions: &Preconditions,
    ) -> Result<Option<Response>, Refusal> {
        let Object { meta, body } = object;
        let generation = self.query.number("generation")?;
        if generation.is_some_and(|wanted| wanted != meta.generation) {
            return Err(Refusal::NoSuchKey);
        }
        match conditions.check(Some(meta)) {
            Err(Refusal::NotModified) => return Ok(Some(not_modified(meta))),
            checked => checked?,
        }
        let asked = self
            .headers
            .get(header::RANGE)
            .and_then(|value| value.to_str().ok());
        let asked = range::asked(asked, meta.size)?;
        if head {
            return Ok(Some(self.answer_with(meta, asked, None)));
        }
        let bytes = asked.clone().unwrap_or(0..meta.size);
        let content = body.read(bytes).await?;
        Ok(content.map(|content| self.answer_with(meta, asked, Some(content))))
    }

    /// The answer that carries an object, or a range of it; without content to `HEAD`.
    fn answer_with(
        &self,
        meta: &Meta,
        asked: Option<Range<u64>>,
        content: Option<Content>,
    ) -> Response {
        let mut headers = meta.headers();
        for (key, name) in CHOSEN {
            let value = self.query.get(key).and_then(|value| value.parse().ok());
            value.map(|value| headers.insert(name, value));
        }
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let mut status = StatusCode::OK;
        let mut length = meta.size;
        if let Some(Range { start, end }) = asked {
            status = StatusCode::PARTIAL_CONTENT;
            length = end - start;
            let range = format!("bytes {start}-{}/{}", end - 1, meta.size).parse();
            let _is_text = range.map(|range| headers.insert(header::CONTENT_RANGE, range));
        }
        headers.insert(header::CONTENT_LENGTH, length.into());
        let body = content.map_or_else(Body::empty, Body::from_stream);
        (status, headers, body).into_response()
    }

    pub(super) async fn put(&self, place: &Place, body: Body) -> Result<Response, Refusal> {
        let conditions = Preconditions::of_writer(&self.headers)?;
        let described = Described::of(&self.headers)?;
        let mut draft = self.store.draft().await?;
        receive(body, &self.headers, &mut draft).await?;
        let meta = self
            .store
            .put(place, draft, described, &conditions, None)
            .await?;
        Ok(meta.version_headers().into_response())
    }

    /// `PUT` with a source: <https://cloud.google.com/storage/docs/xml-api/put-object-copy>.
    pub(super) async fn copy(&self, place: &Place) -> Result<Response, Refusal> {
        let conditions = Preconditions::of_writer(&self.headers)?;
        let source = source(&self.headers)?;
        let (draft, from) = self.copied(&source).await?;
        let described = match self.headers.get("x-goog-metadata-directive") {
            Some(value) if value == "REPLACE" => Described::of(&self.headers)?,
            _ => from.described,
        };
        let stored = self
            .store
            .put(place, draft, described, &conditions, from.components);
        let meta = stored.await?;
        let mut xml = Xml::document();
        xml.within("CopyObjectResult", |xml| {
            xml.text("LastModified", &moment(meta.modified));
            xml.text("ETag", &meta.etag());
        });
        Ok((meta.version_headers(), xml).into_response())
    }

    async fn copied(&self, source: &Place) -> Result<(Draft, Meta), Refusal> {
        let conditions = Preconditions::of_source(&self.headers)?;
        for _ in 0..TRIES {
            let from = self.store.get(source)?;
            conditions.check(Some(&from.meta))?;
            if let Some(content) = from.body.read(0..from.meta.size).await? {
                let mut draft = self.store.draft().await?;
                copy(content, &mut draft).await?;
                return Ok((draft, from.meta.clone()));
            }
        }
        Err(Refusal::SlowDown)
    }

    pub(super) async fn delete(&self, place: &Place) -> Result<Response, Refusal> {
        let conditions = Preconditions::of_writer(&self.headers)?;
        self.store.delete(place, &conditions).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

/// RFC 9110, 15.4.5: with the tag and the date, without the content and what describes it.
fn not_modified(meta: &Meta) -> Response {
    let mut headers = meta.headers();
    headers.remove(header::CONTENT_TYPE);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

/// `bucket/object`, encoded as in a URL; a slash may stand before it.
fn source(headers: &HeaderMap) -> Result<Place, Refusal> {
    let wrong = || Refusal::InvalidArgument(format!("{COPY_SOURCE} is bucket/object"));
    let value = headers
        .get(COPY_SOURCE)
        .and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(wrong)?;
    let value = value.strip_prefix('/').unwrap_or(value);
    let (bucket, name) = value.split_once('/').ok_or_else(wrong)?;
    Place::new(&decode(bucket)?, &decode(name)?)
}
