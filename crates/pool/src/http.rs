//! Asking an API, with every wait and every answer bounded.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Certificate, Client, RequestBuilder, StatusCode, redirect};
use serde::de::DeserializeOwned;

use crate::pool::OpenError;

/// For a connection.
const CONNECT: Duration = Duration::from_secs(4);
/// For a whole answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of one answer, in bytes: a page of 500 machines has some MB.
const LARGEST: usize = 16 << 20;
/// What people are told of an answer, in bytes.
const SHOWN: usize = 300;

/// What an API said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// What it says, as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body)
            .map_err(|error| format!("its answer does not read: {error}"))
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        let text = &self.body[..self.body.len().min(SHOWN)];
        format!("{}: {}", self.status, String::from_utf8_lossy(text).trim())
    }

    /// Whether the same again may be answered otherwise: too many questions, trouble over there, and who asks being unknown,
    /// as with a token that has just ended.
    pub(crate) fn is_passing(&self) -> bool {
        self.status.is_server_error()
            || matches!(
                self.status,
                StatusCode::UNAUTHORIZED
                    | StatusCode::REQUEST_TIMEOUT
                    | StatusCode::TOO_MANY_REQUESTS
            )
    }
}

/// A client that follows nobody elsewhere, believing `ca` (PEM) alone where it is given.
pub(crate) fn client(ca: Option<&str>) -> Result<Client, OpenError> {
    // Another part of the process may have set it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .user_agent("farmhand");
    let builder = match ca {
        Some(pem) => {
            let certificates = Certificate::from_pem_bundle(pem.as_bytes());
            builder.tls_certs_only(certificates.map_err(|error| OpenError::Ca(error.to_string()))?)
        }
        None => builder,
    };
    builder
        .build()
        .map_err(|error| OpenError::Client(error.to_string()))
}

/// The answer, whatever its status.
///
/// # Errors
/// There was none.
pub(crate) async fn ask(request: RequestBuilder) -> Result<Answer, String> {
    let said = |error: reqwest::Error| {
        // The address may hold a name of nobody's business, and the cause says more.
        let error = error.without_url();
        match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        }
    };
    let mut response = request.send().await.map_err(said)?;
    let status = response.status();
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(said)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(format!("its answer is longer than {LARGEST} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        body: body.freeze(),
    })
}
