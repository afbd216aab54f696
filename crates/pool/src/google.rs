//! The Google account that this runs as.

use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};
use reqwest::RequestBuilder;
use tokio::sync::OnceCell;

/// Finds out who that is when it is first asked; tokens are kept and renewed over there.
#[derive(Default)]
pub(crate) struct Account(OnceCell<AccessTokenCredentials>);

impl Account {
    /// The request in that account's name.
    ///
    /// # Errors
    /// There is none, or it does not get a token.
    pub(crate) async fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder, String> {
        let found = self.0.get_or_try_init(|| async {
            let made = Builder::default().build_access_token_credentials();
            made.map_err(|error| format!("there are no Google credentials: {error}"))
        });
        let token = found.await?.access_token().await;
        let token = token.map_err(|error| format!("there is no Google token: {error}"))?;
        Ok(request.bearer_auth(token.token))
    }
}
