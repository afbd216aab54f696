//! How a cluster of EKS knows who asks: the token is an address that asks AWS who we are, signed by us, and the cluster asks it
//! (aws-iam-authenticator, "API Authorization from Outside a Cluster").

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::amazon::Account;
use crate::pool::Now;
use crate::settings::Eks;

/// What such a token begins with.
const PREFIX: &str = "k8s-aws-v1.";
/// The header that says for which cluster it is.
const CLUSTER: &str = "x-k8s-aws-id";
/// A token is used at once.
const LIFE: Duration = Duration::from_secs(60);

/// Tokens for one cluster.
pub(super) struct Tokens {
    address: String,
    cluster: String,
    account: Account,
}

impl Tokens {
    pub(super) fn new(eks: &Eks, now: &Now) -> Self {
        Self::with(eks, Account::new(&eks.region, false, now))
    }

    fn with(eks: &Eks, account: Account) -> Self {
        let region = &eks.region;
        Self {
            address: format!(
                "https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
            ),
            cluster: eks.cluster.clone(),
            account,
        }
    }

    /// A new one.
    ///
    /// # Errors
    /// There are no credentials now.
    pub(super) async fn token(&self) -> Result<String, String> {
        let headers = [(CLUSTER, self.cluster.as_str())];
        let signed = self.account.presigned("sts", &self.address, &headers, LIFE);
        let url = signed.await?;
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use farm_model::Timestamp;

    use super::*;

    #[tokio::test]
    async fn a_token_is_a_signed_question_for_this_cluster_alone() {
        let now: Now = Arc::new(|| Timestamp::from_second(1_774_000_000).unwrap());
        let eks = |cluster: &str| Eks {
            region: "eu-west-1".to_owned(),
            cluster: cluster.to_owned(),
        };
        let token = async |cluster| {
            let tokens = Tokens::with(&eks(cluster), Account::new("eu-west-1", true, &now));
            tokens.token().await.unwrap()
        };
        let first = token("one").await;
        let url = URL_SAFE_NO_PAD.decode(first.strip_prefix(PREFIX).unwrap());
        let url = String::from_utf8(url.unwrap()).unwrap();
        for part in [
            "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Expires=60",
            "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id",
            "X-Amz-Signature=",
            "20260320%2Feu-west-1%2Fsts%2Faws4_request",
        ] {
            assert!(url.contains(part), "{part}: {url}");
        }
        assert_ne!(first, token("two").await);
    }
}
