//! A request that is to be answered by a 101, perhaps after one redirect (`revdial.md` 9, 2021-10).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::head::{AnswerHead, HeadError, read_answer};
use crate::stream::{BoxStream, Prefixed};

/// The longest body of a redirect.
const MAX_BODY: u64 = 64 * 1024;

/// Why there is no answer to be used.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Sending failed, or no answer came.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The hub redirects, but not as it may.
    #[error("the hub redirects {0}")]
    Redirect(&'static str),
}

impl From<io::Error> for AskError {
    fn from(error: io::Error) -> Self {
        Self::Head(HeadError::Io(error))
    }
}

/// Sends what `request` makes of `target`, and returns the answer, whatever its status; the stream begins behind its head. A
/// 307 to another path is followed once, on the same connection.
pub(super) async fn ask<E: From<AskError>>(
    stream: BoxStream,
    target: &str,
    limit: Duration,
    request: impl Fn(&str) -> Result<Vec<u8>, E>,
) -> Result<(AnswerHead, Prefixed<BoxStream>), E> {
    let asked = async {
        let first = Prefixed::new(bytes::Bytes::new(), stream);
        let (head, mut stream) = exchange(first, &request(target)?, limit).await?;
        if head.status != 307 {
            return Ok((head, stream));
        }
        let location = location(&head, target)?;
        skip_body(&head, &mut stream).await?;
        let (head, stream) = exchange(stream, &request(&location)?, limit).await?;
        match head.status {
            307 => Err(AskError::Redirect("more than once").into()),
            _ => Ok((head, stream)),
        }
    };
    let asked = tokio::time::timeout(limit, asked).await;
    asked.map_err(|_| AskError::Head(HeadError::TimedOut))?
}

async fn exchange(
    mut stream: Prefixed<BoxStream>,
    request: &[u8],
    limit: Duration,
) -> Result<(AnswerHead, Prefixed<BoxStream>), AskError> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let (head, rest) = read_answer(stream, limit).await?;
    Ok((head, rest.flatten()))
}

/// Where a redirect leads: a path on this connection, relative to `target`.
fn location(head: &AnswerHead, target: &str) -> Result<String, AskError> {
    let location = head
        .headers
        .get("Location")
        .filter(|location| !location.is_empty())
        .ok_or(AskError::Redirect("without a Location"))?;
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let first = path.split('/').next().unwrap_or_default();
    if location.starts_with("//") || first.contains(':') {
        return Err(AskError::Redirect(
            "to another host, which is never followed",
        ));
    }
    if !location.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AskError::Redirect("to what no request line can carry"));
    }
    if location.starts_with('/') {
        return Ok(location.to_owned());
    }
    let path = target.split('?').next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Ok(format!("{folder}/{location}"))
}

/// Reads past the text behind a redirect, so that the next answer can be read.
async fn skip_body(head: &AnswerHead, stream: &mut Prefixed<BoxStream>) -> Result<(), AskError> {
    if head.headers.get("Transfer-Encoding").is_some() {
        return Err(AskError::Redirect("with a body of no stated length"));
    }
    let length = head.headers.get("Content-Length").unwrap_or("0");
    let length = length.parse().ok().filter(|length| *length <= MAX_BODY);
    let length = length.ok_or(AskError::Redirect("with a body too long to be skipped"))?;
    let skipped = tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await?;
    if skipped < length {
        return Err(AskError::Head(HeadError::Ended));
    }
    Ok(())
}
