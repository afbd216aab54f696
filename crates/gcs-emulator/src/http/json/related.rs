//! `multipart/related` of two parts, as uploads have it: what is said of the object, then its content (RFC 2387, RFC 2046). The
//! content is handed on as it comes.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};

use crate::refusal::Refusal;
use crate::shelf::Draft;

/// The most that may come before the content: JSON with 8 KiB of custom metadata, and headers.
const LARGEST_HEAD: usize = 64 << 10;

/// A body that is being taken apart.
pub struct Related<S> {
    from: S,
    buffer: BytesMut,
    /// `CRLF--boundary`.
    delimiter: Vec<u8>,
}

/// The boundary in a `Content-Type`.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    let related = kind.trim().eq_ignore_ascii_case("multipart/related");
    let mut parameters = parameters.split(';').map(str::trim);
    let boundary = parameters.find_map(|parameter| parameter.strip_prefix("boundary="))?;
    let boundary = boundary.trim_matches(['"', '\'']);
    (related && !boundary.is_empty()).then_some(boundary)
}

impl<S, E> Related<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    /// Of a body with this boundary.
    pub fn new(from: S, boundary: &str) -> Self {
        // The first boundary may stand without a line break before it.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self {
            from,
            buffer,
            delimiter,
        }
    }

    /// The first part, and the `Content-Type` of the second, whose content comes next.
    pub async fn head(&mut self) -> Result<(Bytes, Option<String>), Refusal> {
        let delimiter = self.delimiter.clone();
        self.until(&delimiter).await?;
        self.until(b"\r\n\r\n").await?;
        let said = self.until(&delimiter).await?;
        let headers = self.until(b"\r\n\r\n").await?;
        let headers = String::from_utf8_lossy(&headers).into_owned();
        let mut headers = headers.lines().filter_map(|line| line.split_once(':'));
        let kind = headers.find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"));
        Ok((said, kind.map(|(_, value)| value.trim().to_owned())))
    }

    /// The content, up to the last boundary.
    pub async fn content(&mut self, draft: &mut Draft) -> Result<(), Refusal> {
        loop {
            if let Some(at) = find(&self.buffer, &self.delimiter) {
                draft.write(&self.buffer[..at]).await?;
                return Ok(());
            }
            // What may be the start of a boundary waits.
            let sure = self.buffer.len().saturating_sub(self.delimiter.len());
            draft.write(&self.buffer.split_to(sure)).await?;
            self.more().await?;
        }
    }

    /// What comes before `mark`; both are taken.
    async fn until(&mut self, mark: &[u8]) -> Result<Bytes, Refusal> {
        loop {
            if let Some(at) = find(&self.buffer, mark) {
                let found = self.buffer.split_to(at).freeze();
                let _mark = self.buffer.split_to(mark.len());
                return Ok(found);
            }
            if self.buffer.len() > LARGEST_HEAD {
                return Err(Refusal::MetadataTooLarge);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), Refusal> {
        let broke_off = |what: &dyn std::fmt::Display| Refusal::IncompleteBody(what.to_string());
        match self.from.next().await {
            Some(piece) => {
                let piece = piece.map_err(|error| broke_off(&error))?;
                self.buffer.extend_from_slice(&piece);
                Ok(())
            }
            None => Err(broke_off(&"there is no closing boundary")),
        }
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Running;
    use crate::options::Options;
    use crate::store::Store;

    const BODY: &str = "--b\r\nContent-Type: application/json\r\n\r\n{\"name\":\"x\"}\r\n\
        --b\r\ncontent-type: text/plain\r\nX: y\r\n\r\na\r\n--c\r\n\r\n--b--\r\n";

    async fn taken_apart(pieces: usize) -> (String, Option<String>, Draft) {
        let store = Store::open(&Options::default()).unwrap();
        let mut draft = store.draft().await.unwrap();
        let pieces = BODY.as_bytes().chunks(pieces);
        let pieces = pieces.map(|piece| Ok::<_, String>(Bytes::copy_from_slice(piece)));
        let mut related = Related::new(futures::stream::iter(pieces), "b");
        let (said, kind) = related.head().await.unwrap();
        related.content(&mut draft).await.unwrap();
        (String::from_utf8(said.to_vec()).unwrap(), kind, draft)
    }

    #[tokio::test]
    async fn it_is_the_same_however_it_comes() {
        let mut content = Running::new();
        content.update(b"a\r\n--c\r\n");
        let content = content.finish();
        for pieces in 1..BODY.len() {
            let (said, kind, draft) = taken_apart(pieces).await;
            assert_eq!(said, "{\"name\":\"x\"}");
            assert_eq!(kind.as_deref(), Some("text/plain"));
            assert_eq!(draft.digest(), content, "{pieces}");
        }
    }

    #[test]
    fn a_boundary_is_found() {
        for (text, expected) in [
            ("multipart/related; boundary=b", Some("b")),
            ("multipart/related; type=x; boundary=\"a b\"", Some("a b")),
            ("Multipart/Related;boundary='==1=='", Some("==1==")),
            ("multipart/form-data; boundary=b", None),
            ("multipart/related", None),
        ] {
            assert_eq!(boundary(text), expected, "{text}");
        }
    }
}
