//! Where a cluster's API is, and how it knows who asks.

use std::path::{Path, PathBuf};

use reqwest::RequestBuilder;

use crate::google::Account;
use crate::pool::{Now, OpenError};
use crate::settings::{Access, KubernetesSettings};

/// What every pod finds of its service account ("Accessing the Kubernetes API from a Pod").
const CLUSTER: &str = "https://kubernetes.default.svc";
const CLUSTER_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
const CLUSTER_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

/// The way to a cluster.
pub(super) struct Way {
    api: String,
    asker: Asker,
}

enum Asker {
    Nobody,
    File(PathBuf),
    Google(Account),
    #[cfg(feature = "aws")]
    Eks(super::eks::Tokens),
}

impl Way {
    /// As the settings say, with the certificate to believe, if that is one of its own.
    pub(super) fn find(
        settings: &KubernetesSettings,
        now: &Now,
    ) -> Result<(Self, Option<String>), OpenError> {
        #[cfg(not(feature = "aws"))]
        let _ = now;
        let asker = match &settings.access {
            Some(Access::Nobody) => Asker::Nobody,
            Some(Access::File(path)) => Asker::File(PathBuf::from(path)),
            Some(Access::Google) => Asker::Google(Account::default()),
            #[cfg(feature = "aws")]
            Some(Access::Eks(eks)) => Asker::Eks(super::eks::Tokens::new(eks, now)),
            #[cfg(not(feature = "aws"))]
            Some(Access::Eks(_)) => return Err(OpenError::NoAws),
            None if Path::new(CLUSTER_TOKEN).exists() => Asker::File(PathBuf::from(CLUSTER_TOKEN)),
            None => Asker::Nobody,
        };
        let (api, ca) = match &settings.endpoint {
            Some(endpoint) => (
                endpoint.trim_end_matches('/').to_owned(),
                settings.ca.clone(),
            ),
            None => {
                let path = CLUSTER_CA;
                let read = std::fs::read_to_string(path);
                let read = read.map_err(|error| OpenError::Cluster { path, error })?;
                (
                    CLUSTER.to_owned(),
                    Some(settings.ca.clone().unwrap_or(read)),
                )
            }
        };
        Ok((Self { api, asker }, ca))
    }

    pub(super) fn api(&self) -> &str {
        &self.api
    }

    /// The request in our name.
    ///
    /// # Errors
    /// There is no token now.
    pub(super) async fn sign(&self, request: RequestBuilder) -> Result<RequestBuilder, String> {
        match &self.asker {
            Asker::Nobody => Ok(request),
            Asker::Google(account) => account.sign(request).await,
            #[cfg(feature = "aws")]
            Asker::Eks(tokens) => Ok(request.bearer_auth(tokens.token().await?)),
            Asker::File(path) => {
                let read = tokio::fs::read_to_string(path).await;
                let token = read.map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(request.bearer_auth(token.trim()))
            }
        }
    }
}
