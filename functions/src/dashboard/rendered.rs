//! Front pages as they were rendered, until the views behind them change: with many builders and many people who look, it
//! is compressing that costs.

use std::collections::HashMap;
use std::io::Write;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;

/// Pages that are held; then all go, and are rendered again when they are asked for.
const MOST: usize = 64;

/// Pages by tag: two with the same tag are the same.
#[derive(Default)]
pub(super) struct Rendered(Mutex<HashMap<String, Page>>);

/// A page, plain and compressed: compressing takes ten times as long as the rest.
#[derive(Clone)]
pub(super) struct Page {
    plain: Bytes,
    gzip: Option<Bytes>,
}

impl Rendered {
    /// The page with this tag.
    pub(super) fn get(&self, tag: &str) -> Option<Page> {
        self.0.lock().get(tag).cloned()
    }

    /// Keeps a page, and gives it back.
    pub(super) fn keep(&self, tag: &str, html: String) -> Page {
        let page = Page {
            gzip: compressed(&html).ok(),
            plain: html.into(),
        };
        let mut pages = self.0.lock();
        if pages.len() >= MOST {
            pages.clear();
        }
        pages.insert(tag.to_owned(), page.clone());
        page
    }
}

fn compressed(html: &str) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(html.len() / 4), Compression::default());
    encoder.write_all(html.as_bytes())?;
    Ok(encoder.finish()?.into())
}

impl Page {
    /// In the form that the client takes.
    pub(super) fn answer(self, headers: &HeaderMap) -> Response {
        let kind = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::VARY, "accept-encoding"),
        ];
        match self.gzip.filter(|_| takes_gzip(headers)) {
            Some(gzip) => {
                let coding = [(header::CONTENT_ENCODING, "gzip")];
                (kind, coding, gzip).into_response()
            }
            None => (kind, self.plain).into_response(),
        }
    }
}

/// A plain mention is enough: whoever weighs encodings against each other gets what the compression layer decides.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get(header::ACCEPT_ENCODING);
    let codings = codings
        .and_then(|codings| codings.to_str().ok())
        .unwrap_or_default();
    codings.split(',').any(|coding| coding.trim() == "gzip")
}
