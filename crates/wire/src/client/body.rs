//! Request bodies: nothing, a form, or a stream that counts what it sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::io::{AsyncRead, ReadBuf};

use super::TransportError;

const PIECE: usize = 64 * 1024;

/// Told how many bytes were handed to the connection so far.
pub(super) type Progress = Arc<dyn Fn(u64) + Send + Sync>;

pub(super) struct Body(Kind);

enum Kind {
    Whole {
        bytes: Option<Bytes>,
        form: bool,
    },
    Stream {
        reader: Box<dyn AsyncRead + Send + Unpin>,
        sent: u64,
        progress: Progress,
    },
    /// Somebody else's, frame by frame.
    Passed(UnsyncBoxBody<Bytes, io::Error>),
}

impl Body {
    pub fn empty() -> Self {
        Self(Kind::Whole {
            bytes: None,
            form: false,
        })
    }

    pub fn form(text: String) -> Self {
        Self(Kind::Whole {
            bytes: Some(text.into()),
            form: true,
        })
    }

    pub fn stream(reader: impl AsyncRead + Send + Unpin + 'static, progress: Progress) -> Self {
        Self(Kind::Stream {
            reader: Box::new(reader),
            sent: 0,
            progress,
        })
    }

    pub fn pass<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self(Kind::Passed(body.map_err(io::Error::other).boxed_unsync()))
    }

    pub fn is_form(&self) -> bool {
        matches!(self.0, Kind::Whole { form: true, .. })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Kind::Whole { bytes, .. } => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            Kind::Passed(body) => Pin::new(body).poll_frame(context),
            Kind::Stream {
                reader,
                sent,
                progress,
            } => {
                let mut piece = BytesMut::zeroed(PIECE);
                let mut buffer = ReadBuf::new(&mut piece);
                if let Err(error) = ready!(Pin::new(reader).poll_read(context, &mut buffer)) {
                    return Poll::Ready(Some(Err(error)));
                }
                let length = buffer.filled().len();
                if length == 0 {
                    return Poll::Ready(None);
                }
                *sent += length as u64;
                progress(*sent);
                piece.truncate(length);
                Poll::Ready(Some(Ok(Frame::data(piece.freeze()))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Passed(body) => body.size_hint(),
            Kind::Stream { .. } => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole { bytes, .. } => bytes.is_none(),
            Kind::Passed(body) => body.is_end_stream(),
            Kind::Stream { .. } => false,
        }
    }
}

/// The first `most` bytes of a body; the rest is not read.
pub(super) async fn collect(body: &mut Incoming, most: usize) -> Result<Bytes, TransportError> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            all.extend_from_slice(&data[..data.len().min(most - all.len())]);
        }
        if all.len() == most {
            break;
        }
    }
    Ok(all.freeze())
}
