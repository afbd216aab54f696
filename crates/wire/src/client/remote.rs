//! Buildlets that a farm lends, from the borrower's side (`buildlet.md` 15).

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use serde::Deserialize;

use super::body::Body;
use super::form::Form;
use super::request::Route;
use super::{Client, QUICK, TransportError};
use crate::stream::Connect;

/// What the oldest farm still accepts; says that we know the form of its answers.
const VERSION: &str = "20160922";

/// A farm that lends buildlets.
#[derive(Clone)]
pub struct RemoteFarm {
    connect: Arc<dyn Connect>,
    host: String,
    user: String,
    token: String,
}

/// A lent buildlet. Unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoteBuildlet {
    /// Who has it: `gopher` of `user-gopher`.
    pub user: String,
    /// What it is called: `<user>-<builder type>-<n>`.
    pub name: String,
    /// The kind of machine.
    pub host_type: String,
    /// The builder it was asked for.
    pub builder_type: String,
    /// When it was lent, RFC 3339.
    pub created: String,
    /// When it is taken back unless used before, RFC 3339.
    pub expires: String,
}

impl std::fmt::Debug for RemoteFarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RemoteFarm({:?} as {:?})", self.host, self.user)
    }
}

impl RemoteFarm {
    /// The farm that `connect` reaches over TLS, for the person `user` (`gopher`, without `user-`).
    #[must_use]
    pub fn new(connect: Arc<dyn Connect>, host: &str, user: &str, token: &str) -> Self {
        Self {
            connect,
            host: host.to_owned(),
            user: format!("user-{user}"),
            token: token.trim().to_owned(),
        }
    }

    /// Asks for a buildlet of a builder; that it is asked for ends with this wait, after `limit` at the latest.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn create(
        &self,
        builder_type: &str,
        limit: Duration,
    ) -> Result<RemoteBuildlet, TransportError> {
        let form = Form::default()
            .with("builderType", builder_type)
            .with("version", VERSION);
        let route = self.route();
        let asked = route.short(Method::POST, "/buildlet/create", form.into_body(), limit);
        let made: RemoteBuildlet = read(&asked.await?)?;
        if made.name.is_empty() {
            return Err(TransportError::Protocol(
                "the farm lent a buildlet without a name".to_owned(),
            ));
        }
        Ok(made)
    }

    /// What is lent to this person, by name.
    ///
    /// # Errors
    /// [`TransportError`].
    pub async fn list(&self) -> Result<Vec<RemoteBuildlet>, TransportError> {
        let route = self.route();
        let asked = route.short(Method::GET, "/buildlet/list", Body::empty(), QUICK);
        read(&asked.await?)
    }

    /// The buildlet `name`; whether there is one shows with its first use.
    ///
    /// # Errors
    /// The name cannot stand in a header.
    pub fn named(&self, name: &str) -> Result<Client, TransportError> {
        let name = HeaderValue::from_str(name)
            .map_err(|_| TransportError::Protocol(format!("{name:?} is no buildlet's name")))?;
        let client = Client::new(self.connect.clone(), &self.host);
        Ok(client.with_login(&self.user, &self.token).behind(name))
    }

    fn route(&self) -> Route {
        let mut route = Route::new(self.connect.clone(), &self.host);
        route.log_in(&self.user, &self.token);
        route
    }
}

fn read<T: for<'a> Deserialize<'a>>(text: &[u8]) -> Result<T, TransportError> {
    serde_json::from_slice(text).map_err(|error| TransportError::Protocol(error.to_string()))
}
