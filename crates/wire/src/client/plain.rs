//! Questions with short answers.

use std::time::Duration;

use http::Method;
use serde::Deserialize;

use super::body::Body;
use super::form::Form;
use super::request::Route;
use super::{Client, HALT, QUICK, REMOVAL, TransportError};

/// What `/status` says. Unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Status {
    /// The buildlet's version, 23 and more for revdial v2.
    pub version: i64,
}

pub(super) async fn status(route: &Route) -> Result<Status, TransportError> {
    let text = route
        .short(Method::GET, "/status", Body::empty(), QUICK)
        .await?;
    serde_json::from_slice(&text).map_err(|error| TransportError::Protocol(error.to_string()))
}

impl Client {
    /// `GET /status`, within ten seconds.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn status(&self) -> Result<Status, TransportError> {
        self.while_alive(status(&self.0.route)).await
    }

    /// `GET /workdir`: the absolute work dir, within ten seconds.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn work_dir(&self) -> Result<String, TransportError> {
        let asked = self
            .0
            .route
            .short(Method::GET, "/workdir", Body::empty(), QUICK);
        String::from_utf8(self.while_alive(asked).await?.into())
            .map_err(|_| TransportError::Protocol("work dir is not UTF-8".to_owned()))
    }

    /// Removes paths relative to the work dir, within ten minutes; `.` empties it. No paths: nothing is asked.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn remove_all(&self, paths: &[&str]) -> Result<(), TransportError> {
        if paths.is_empty() {
            return Ok(());
        }
        let form = paths
            .iter()
            .fold(Form::default(), |form, path| form.with("path", path));
        let removed = self
            .0
            .route
            .short(Method::POST, "/removeall", form.into_body(), REMOVAL);
        self.while_usable(removed).await.map(drop)
    }

    /// Asks the buildlet to end, within two seconds. A dead one has ended: there is no error.
    pub async fn halt(&self) {
        self.halt_within(HALT).await;
    }

    /// The same within `limit`; whether it answered that it will. It goes a second later.
    pub async fn halt_within(&self, limit: Duration) -> bool {
        let asked = self
            .0
            .route
            .short(Method::POST, "/halt", Body::empty(), limit);
        let answered = asked.await;
        answered
            .inspect_err(|error| tracing::debug!(%error, "halt was not answered"))
            .is_ok()
    }
}
