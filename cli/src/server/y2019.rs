//! A dashboard as clients of 2019 ask it.

use reqwest::{StatusCode, Url};

use super::{Envelope, Server, ServerArgs, ServerError, WHOLE, address};

impl ServerArgs {
    /// The farm at this address.
    ///
    /// # Errors
    /// It is none.
    pub fn at(prefix: &str) -> Result<Self, ServerError> {
        let url = address(prefix).map_err(ServerError::Never)?;
        Ok(Self { server: Some(url) })
    }
}

impl Server {
    /// A page's text.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn text(&self, query: &[(&str, &str)]) -> Result<String, ServerError> {
        let mut url = self.url(&[""]);
        url.query_pairs_mut().extend_pairs(query);
        self.read_text(url).await
    }

    /// The text at an address that a page told, which may be elsewhere.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn text_at(&self, url: &str) -> Result<String, ServerError> {
        let url = address(url).map_err(ServerError::Never)?;
        self.read_text(url).await
    }

    async fn read_text(&self, url: Url) -> Result<String, ServerError> {
        let response = self.send(self.client.get(url).timeout(WHOLE)).await?;
        let status = response.status();
        let body = self.body(response).await?;
        match status.is_success() {
            true => Ok(String::from_utf8_lossy(&body).into_owned()),
            false => Err(self.unexpected(status, &body)),
        }
    }

    /// Posts to `/clear-results`; a refusal is in the envelope.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn clear_2019(&self, query: &[(&str, &str)]) -> Result<Envelope, ServerError> {
        let mut url = self.url(&["clear-results"]);
        url.query_pairs_mut().extend_pairs(query);
        let response = self.send(self.client.post(url).timeout(WHOLE)).await?;
        let status = response.status();
        let body = self.body(response).await?;
        self.envelope(status, &body)
    }

    pub(super) fn envelope(
        &self,
        status: StatusCode,
        body: &[u8],
    ) -> Result<Envelope, ServerError> {
        match serde_json::from_slice::<Envelope>(body) {
            Ok(envelope) if status.is_success() || !envelope.error.is_empty() => Ok(envelope),
            _ => Err(self.unexpected(status, body)),
        }
    }
}
