//! Passing other people's requests on to a buildlet (`buildlet.md` 11.2 and 15).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, Request, Response, Uri, Version, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;

use super::body::Body;
use super::connection::Connection;
use super::request::BEHIND;
use super::{Client, TransportError};

/// Fields that belong to one connection (RFC 9110 7.6.1). `Trailer` is not among them: trailers are passed on.
const OF_ONE_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
];
/// What is the caller's and none of the machine's business.
const OF_THE_CALLER: [HeaderName; 4] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    BEHIND,
];

impl Client {
    /// Sends any request on, with our credentials in place of the caller's, and returns when the answer has begun.
    /// Method, path, query, body, its trailers and all other fields stay. There is no time limit: the buildlet's death
    /// ends it, and so does dropping it.
    ///
    /// # Errors
    /// [`TransportError`]; the request's body failing counts as a broken connection.
    pub async fn forward<B>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Forwarded>, TransportError>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut head, body) = request.into_parts();
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        head.uri = Uri::try_from(target.to_owned())
            .map_err(|error| TransportError::Protocol(error.to_string()))?;
        head.version = Version::HTTP_11;
        remove_hop(&mut head.headers);
        for name in OF_THE_CALLER {
            head.headers.remove(name);
        }
        // Follows from the body.
        head.headers.remove(header::CONTENT_LENGTH);
        let mut request = Request::from_parts(head, Body::pass(body));
        self.0.route.sign(&mut request);
        let (connection, answer) = self.while_alive(self.0.route.pool.send(request)).await?;
        let (mut head, body) = answer.into_parts();
        if head.status.is_informational() {
            return Err(TransportError::Protocol(format!(
                "status {} cannot be passed on",
                head.status
            )));
        }
        remove_hop(&mut head.headers);
        let life = self.0.life.clone();
        let body = Forwarded {
            client: self.clone(),
            connection: Some(connection),
            body,
            died: async move { life.died().await }.boxed(),
        };
        Ok(Response::from_parts(head, body))
    }
}

fn remove_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in OF_ONE_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// The body of an answer that is passed on, trailers included. Dropping it early closes the connection, which kills a
/// command.
pub struct Forwarded {
    client: Client,
    connection: Option<Connection>,
    body: Incoming,
    died: BoxFuture<'static, TransportError>,
}

impl std::fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Forwarded({:?})", self.client)
    }
}

impl http_body::Body for Forwarded {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let this = &mut *self;
        let Some(connection) = this.connection.take() else {
            return Poll::Ready(None);
        };
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.connection = Some(connection);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => {
                this.client.0.route.pool.put(connection);
                Poll::Ready(None)
            }
            Poll::Pending => match this.died.poll_unpin(context) {
                Poll::Ready(cause) => Poll::Ready(Some(Err(cause))),
                Poll::Pending => {
                    this.connection = Some(connection);
                    Poll::Pending
                }
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.connection.is_none()
    }
}
