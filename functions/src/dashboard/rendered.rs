//! Pages as they were rendered, until the views behind them change: with many builders and many people who look, it is
//! compressing that costs.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use parking_lot::Mutex;

use super::trouble::Trouble;

/// Bytes of compressed pages that one generation holds; there are two.
const MOST: usize = 8 << 20;

/// Pages by tag: two with the same tag are the same. Those that nobody has asked for since the last generation began go
/// with it.
#[derive(Default)]
pub(super) struct Rendered(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<String, Page>,
    /// Bytes of the young ones.
    bytes: usize,
    old: HashMap<String, Page>,
}

/// A page, compressed: that takes ten times as long as the rest, and back it takes next to nothing.
#[derive(Clone)]
pub(super) struct Page {
    kind: &'static str,
    gzip: Bytes,
}

impl Rendered {
    /// The page with this tag.
    pub(super) fn get(&self, tag: &str) -> Option<Page> {
        let mut pages = self.0.lock();
        if let Some(page) = pages.young.get(tag) {
            return Some(page.clone());
        }
        let page = pages.old.remove(tag)?;
        pages.insert(tag, page.clone());
        Some(page)
    }

    /// Keeps a page of HTML, and gives it back.
    pub(super) fn keep(&self, tag: &str, html: &str) -> Result<Page, Trouble> {
        self.keep_as("text/html; charset=utf-8", tag, html)
    }

    /// Keeps a text of some kind, and gives it back.
    pub(super) fn keep_as(
        &self,
        kind: &'static str,
        tag: &str,
        text: &str,
    ) -> Result<Page, Trouble> {
        let page = Page::new(kind, text)?;
        self.0.lock().insert(tag, page.clone());
        Ok(page)
    }
}

impl Generations {
    fn insert(&mut self, tag: &str, page: Page) {
        let weight = tag.len() + page.gzip.len();
        if self.bytes + weight > MOST {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += weight;
        self.young.insert(tag.to_owned(), page);
    }
}

impl Page {
    fn new(kind: &'static str, text: &str) -> Result<Self, Trouble> {
        let gzip = compressed(text).map_err(|error| Trouble::Away(error.to_string()))?;
        Ok(Self { kind, gzip })
    }

    /// In the form that the client takes.
    pub(super) fn answer(self, headers: &HeaderMap) -> Response {
        let kind = [(header::CONTENT_TYPE, self.kind)];
        if takes_gzip(headers) {
            let coding = [(header::CONTENT_ENCODING, "gzip")];
            return (kind, coding, self.gzip).into_response();
        }
        match plain(&self.gzip) {
            Ok(text) => (kind, text).into_response(),
            Err(error) => Trouble::Away(error.to_string()).into_response(),
        }
    }
}

fn compressed(text: &str) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 4), Compression::default());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?.into())
}

fn plain(gzip: &[u8]) -> io::Result<String> {
    let mut text = String::new();
    GzDecoder::new(gzip).read_to_string(&mut text)?;
    Ok(text)
}

/// A plain mention is enough: whoever weighs encodings against each other gets what the compression layer decides.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get(header::ACCEPT_ENCODING);
    let codings = codings
        .and_then(|codings| codings.to_str().ok())
        .unwrap_or_default();
    codings.split(',').any(|coding| coding.trim() == "gzip")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(bytes: usize) -> Page {
        Page {
            kind: "text/plain",
            gzip: vec![0; bytes].into(),
        }
    }

    #[test]
    fn what_is_held_is_bounded_and_what_is_asked_for_stays() {
        let rendered = Rendered::default();
        for n in 0..10 {
            rendered.0.lock().insert(&n.to_string(), page(MOST / 3));
            if n > 0 {
                assert!(rendered.get("0").is_some(), "it is asked for all the time");
            }
            let pages = rendered.0.lock();
            assert!(pages.young.len() + pages.old.len() <= 4);
        }
        assert!(rendered.get("1").is_none());
    }

    #[test]
    fn a_page_comes_out_as_it_went_in() {
        let text = "<p>ä</p>".repeat(1000);
        let page = Page::new("text/html", &text).unwrap();
        assert!(page.gzip.len() < text.len() / 4);
        assert_eq!(plain(&page.gzip).unwrap(), text);
    }
}
