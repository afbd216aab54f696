//! Lists of objects, in both forms: <https://cloud.google.com/storage/docs/xml-api/get-bucket-list>.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Call;
use super::asked::Query;
use crate::listing::{Asked, MOST, Page};
use crate::names::BucketName;
use crate::refusal::Refusal;
use crate::store::Object;
use crate::xml::{LIST_BUCKET, Xml};

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

impl Call {
    /// A list is a use of a bucket, too.
    pub(super) async fn list(&self, bucket: &BucketName) -> Result<Response, Refusal> {
        let form = Form::of(&self.query)?;
        let asked = form.asked(&self.query)?;
        self.store.ensure_bucket(bucket).await?;
        let page = self.store.list(bucket, &asked)?;
        Ok(form
            .write(bucket, &asked, &page, &self.query)
            .into_response())
    }
}

/// `list-type`.
enum Form {
    First,
    Second,
}

impl Form {
    fn of(query: &Query) -> Result<Self, Refusal> {
        match query.get("list-type") {
            None | Some("1") => Ok(Self::First),
            Some("2") => Ok(Self::Second),
            Some(_) => Err(Refusal::InvalidArgument("list-type is 1 or 2".to_owned())),
        }
    }

    fn asked(&self, query: &Query) -> Result<Asked, Refusal> {
        let most = query.number("max-keys")?;
        let most = most.and_then(|most| usize::try_from(most).ok());
        let after = match (self, query.get("continuation-token")) {
            (Self::First, _) => query.get("marker").map(str::to_owned),
            (Self::Second, Some(token)) => Some(read_token(token)?),
            (Self::Second, None) => query.get("start-after").map(str::to_owned),
        };
        Ok(Asked {
            prefix: query.get("prefix").unwrap_or_default().to_owned(),
            delimiter: query.get("delimiter").map(str::to_owned),
            after,
            limit: most.unwrap_or(MOST).min(MOST),
        })
    }

    fn write(
        &self,
        bucket: &BucketName,
        asked: &Asked,
        page: &Page<Arc<Object>>,
        query: &Query,
    ) -> Xml {
        let encoded = query.get("encoding-type") == Some("url");
        let name = |name: &str| match encoded {
            true => utf8_percent_encode(name, PLAIN).to_string(),
            false => name.to_owned(),
        };
        let mut xml = Xml::document();
        xml.within(LIST_BUCKET, |xml| {
            xml.text("Name", bucket.as_str());
            xml.text("Prefix", &name(&asked.prefix));
            if let Some(delimiter) = &asked.delimiter {
                xml.text("Delimiter", &name(delimiter));
            }
            xml.text("MaxKeys", &asked.limit.to_string());
            xml.text("IsTruncated", &page.next.is_some().to_string());
            match self {
                Self::First => write_markers(xml, asked, page, &name),
                Self::Second => write_tokens(xml, page, query),
            }
            for (key, object) in &page.objects {
                write_object(xml, &name(key), object);
            }
            for prefix in &page.prefixes {
                xml.within("CommonPrefixes", |xml| xml.text("Prefix", &name(prefix)));
            }
        });
        xml
    }
}

fn write_markers<T>(xml: &mut Xml, asked: &Asked, page: &Page<T>, name: &impl Fn(&str) -> String) {
    xml.text("Marker", &name(asked.after.as_deref().unwrap_or_default()));
    if let Some(next) = &page.next {
        xml.text("NextMarker", &name(next));
    }
}

fn write_tokens<T>(xml: &mut Xml, page: &Page<T>, query: &Query) {
    let count = page.objects.len() + page.prefixes.len();
    xml.text("KeyCount", &count.to_string());
    for (key, element) in [
        ("start-after", "StartAfter"),
        ("continuation-token", "ContinuationToken"),
    ] {
        if let Some(value) = query.get(key) {
            xml.text(element, value);
        }
    }
    if let Some(next) = &page.next {
        xml.text("NextContinuationToken", &token(next));
    }
}

fn write_object(xml: &mut Xml, key: &str, object: &Object) {
    let meta = &object.meta;
    xml.within("Contents", |xml| {
        xml.text("Key", key);
        xml.text("Generation", &meta.generation.to_string());
        xml.text("MetaGeneration", &meta.metageneration.to_string());
        xml.text("LastModified", &moment(meta.modified));
        xml.text("ETag", &meta.etag());
        xml.text("Size", &meta.size.to_string());
        xml.text("StorageClass", meta.described.storage_class());
    });
}

/// A name, as the text that goes on after it.
pub(super) fn token(name: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(name)
}

/// The name in such a text.
pub(super) fn read_token(token: &str) -> Result<String, Refusal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| Refusal::InvalidArgument("the continuation token is not ours".to_owned()))
}

/// RFC 3339 with milliseconds, of microseconds since the Unix epoch.
pub(super) fn moment(micros: u64) -> String {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_milliseconds() {
        assert_eq!(moment(1_700_000_000_123_456), "2023-11-14T22:13:20.123Z");
        assert_eq!(moment(0), "1970-01-01T00:00:00.000Z");
    }
}
