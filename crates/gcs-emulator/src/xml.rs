//! XML: written element by element, read into the few forms that requests have.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use crate::refusal::Refusal;

/// A document in the making.
#[derive(Debug)]
pub struct Xml(String);

impl Xml {
    /// An empty one.
    pub fn document() -> Self {
        Self("<?xml version='1.0' encoding='UTF-8'?>".to_owned())
    }

    /// The element `name` with whatever `inside` writes.
    pub fn within(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.0.push_str(&format!("<{name}>"));
        inside(self);
        // What comes after a space is an attribute.
        let name = name.split(' ').next().unwrap_or(name);
        self.0.push_str(&format!("</{name}>"));
    }

    /// The element `name` with this text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.0
            .push_str(&format!("<{name}>{}</{name}>", escape(text)));
    }
}

impl IntoResponse for Xml {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/xml; charset=UTF-8");
        ([(header::CONTENT_TYPE, kind)], self.0).into_response()
    }
}

/// The name of the element that answers of a bucket have.
pub const LIST_BUCKET: &str = "ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'";

/// Of each element `item` of the document, the texts of the elements in it, by name.
pub fn items(document: &[u8], item: &str) -> Result<Vec<Vec<(String, String)>>, Refusal> {
    let wrong = |what: &str| Refusal::InvalidArgument(format!("the XML in the body: {what}"));
    let text = std::str::from_utf8(document).map_err(|_| wrong("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut found = Found::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                found.begin(local(start.name().local_name().as_ref()), item);
            }
            Ok(Event::End(_)) => found.end(),
            Ok(Event::Text(text)) => {
                found.add(&text.decode().map_err(|e| wrong(&e.to_string()))?);
            }
            Ok(Event::GeneralRef(entity)) => {
                let name = entity.decode().map_err(|e| wrong(&e.to_string()))?;
                let whole = format!("&{name};");
                let text = quick_xml::escape::unescape(&whole);
                found.add(&text.map_err(|e| wrong(&e.to_string()))?);
            }
            Ok(Event::Eof) if found.path.is_empty() => return Ok(found.items),
            Ok(Event::Eof) => return Err(wrong("it ends too early")),
            Ok(_) => {}
            Err(error) => return Err(wrong(&error.to_string())),
        }
    }
}

fn local(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[derive(Default)]
struct Found {
    path: Vec<String>,
    items: Vec<Vec<(String, String)>>,
}

impl Found {
    fn begin(&mut self, name: String, item: &str) {
        if name == item {
            self.items.push(Vec::new());
        } else if self.path.last().is_some_and(|last| last == item)
            && let Some(last) = self.items.last_mut()
        {
            last.push((name.clone(), String::new()));
        }
        self.path.push(name);
    }

    fn end(&mut self) {
        self.path.pop();
    }

    fn add(&mut self, text: &str) {
        let field = self.items.last_mut().and_then(|item| item.last_mut());
        if let Some((name, value)) = field
            && self.path.last() == Some(name)
        {
            value.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_read_back() {
        let mut xml = Xml::document();
        xml.within("Delete", |xml| {
            for key in ["a&b<c>\"'", "é"] {
                xml.within("Object", |xml| xml.text("Key", key));
            }
        });
        let keys = items(xml.0.as_bytes(), "Object").unwrap();
        let key = |text: &str| vec![("Key".to_owned(), text.to_owned())];
        assert_eq!(keys, [key("a&b<c>\"'"), key("é")]);
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for bad in ["<a><b></a>", "<a>", "<Object><Key>&nope;</Key></Object>"] {
            let refused = items(bad.as_bytes(), "Object");
            assert!(matches!(refused, Err(Refusal::InvalidArgument(_))), "{bad}");
        }
        assert!(items(b"", "Object").unwrap().is_empty());
    }
}
