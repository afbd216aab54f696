//! Multipart uploads: <https://cloud.google.com/storage/docs/xml-api/post-object-multipart> and the pages beside it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Call;
use super::body::{receive, small};
use super::list::moment;
use crate::meta::{Described, append_hashes};
use crate::names::{BucketName, Place};
use crate::precondition::Preconditions;
use crate::refusal::Refusal;
use crate::store::upload::{Part, UploadId};
use crate::xml::{self, Xml};

/// Part numbers end here.
const MOST_PARTS: u32 = 10_000;

impl Call {
    pub(super) async fn begin_upload(&self, place: Place) -> Result<Response, Refusal> {
        let described = Described::of(&self.headers)?;
        let id = self.store.begin_upload(place.clone(), described).await?;
        let mut xml = Xml::document();
        xml.within("InitiateMultipartUploadResult", |xml| {
            xml.text("Bucket", place.bucket.as_str());
            xml.text("Key", &place.name);
            xml.text("UploadId", id.as_str());
        });
        Ok(xml.into_response())
    }

    pub(super) async fn put_part(&self, place: &Place, body: Body) -> Result<Response, Refusal> {
        let id = self.upload_id();
        let number = self.query.get("partNumber").unwrap_or_default();
        let number = part_number(number)?;
        let mut draft = self.store.draft().await?;
        receive(body, &self.headers, &mut draft).await?;
        let (digest, etag) = self.store.put_part(place, &id, number, draft).await?;
        let mut headers = HeaderMap::new();
        append_hashes(&mut headers, &digest, true);
        if let Ok(etag) = HeaderValue::from_str(&etag) {
            headers.insert(header::ETAG, etag);
        }
        Ok(headers.into_response())
    }

    pub(super) async fn complete_upload(
        &self,
        place: &Place,
        body: Body,
    ) -> Result<Response, Refusal> {
        let id = self.upload_id();
        let conditions = Preconditions::of_writer(&self.headers)?;
        let document = small(body).await?;
        let named = xml::items(&document, "Part")?;
        let named = named.iter().map(|part| named_part(part));
        let named: Vec<_> = named.collect::<Result<_, _>>()?;
        let meta = self
            .store
            .complete_upload(place, &id, &named, &conditions)
            .await?;
        let mut xml = Xml::document();
        xml.within("CompleteMultipartUploadResult", |xml| {
            xml.text("Location", &format!("/{}/{}", place.bucket, place.name));
            xml.text("Bucket", place.bucket.as_str());
            xml.text("Key", &place.name);
            xml.text("ETag", &meta.etag());
        });
        Ok((meta.version_headers(), xml).into_response())
    }

    pub(super) async fn abort_upload(&self, place: &Place) -> Result<Response, Refusal> {
        self.store.abort_upload(place, &self.upload_id()).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    }

    /// A page of parts; `part-number-marker` is the last one of the page before.
    pub(super) async fn list_parts(&self, place: &Place) -> Result<Response, Refusal> {
        let id = self.upload_id();
        let most = self.query.number("max-parts")?.unwrap_or(1000).min(1000);
        let after = self.query.number("part-number-marker")?.unwrap_or(0);
        let parts = self.store.parts(place, &id).await?;
        let mut rest = parts
            .iter()
            .filter(|(number, _)| u64::from(**number) > after);
        let page: Vec<_> = rest.by_ref().take(most as usize).collect();
        let more = rest.next().is_some();
        let mut xml = Xml::document();
        xml.within("ListPartsResult", |xml| {
            xml.text("Bucket", place.bucket.as_str());
            xml.text("Key", &place.name);
            xml.text("UploadId", id.as_str());
            xml.text("MaxParts", &most.to_string());
            xml.text("IsTruncated", &more.to_string());
            if let Some((last, _)) = page.last().filter(|_| more) {
                xml.text("NextPartNumberMarker", &last.to_string());
            }
            for (number, part) in page {
                write_part(xml, *number, part);
            }
        });
        Ok(xml.into_response())
    }

    /// All uploads into a bucket that last, on one page.
    pub(super) fn list_uploads(&self, bucket: &BucketName) -> Response {
        let prefix = self.query.get("prefix").unwrap_or_default();
        let mut xml = Xml::document();
        xml.within("ListMultipartUploadsResult", |xml| {
            xml.text("Bucket", bucket.as_str());
            xml.text("Prefix", prefix);
            xml.text("IsTruncated", "false");
            for (id, begun) in self.store.list_uploads(bucket) {
                if begun.place.name.starts_with(prefix) {
                    xml.within("Upload", |xml| {
                        xml.text("Key", &begun.place.name);
                        xml.text("UploadId", id.as_str());
                        xml.text("StorageClass", begun.described.storage_class());
                        xml.text("Initiated", &moment(begun.at));
                    });
                }
            }
        });
        xml.into_response()
    }

    fn upload_id(&self) -> UploadId {
        let text = self.query.get("uploadId").unwrap_or_default();
        UploadId::from(text.to_owned())
    }
}

fn write_part(xml: &mut Xml, number: u32, part: &Part) {
    xml.within("Part", |xml| {
        xml.text("PartNumber", &number.to_string());
        xml.text("LastModified", &moment(part.modified));
        xml.text("ETag", &part.etag());
        xml.text("Size", &part.size.to_string());
    });
}

fn named_part(fields: &[(String, String)]) -> Result<(u32, String), Refusal> {
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    Ok((part_number(field("PartNumber"))?, field("ETag").to_owned()))
}

fn part_number(text: &str) -> Result<u32, Refusal> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MOST_PARTS).contains(number));
    let wrong = || format!("a part number is one from 1 to {MOST_PARTS}");
    number.ok_or_else(|| Refusal::InvalidArgument(wrong()))
}
