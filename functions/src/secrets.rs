//! Secrets that lie with a cloud: a setting that is `@arn:…` is what AWS Secrets Manager has there. Lambda, unlike Cloud Run
//! and ECS, hands a function no secret itself: what it put into the environment would be readable by who may see the function.

use farm_runtime::Vars;

/// What the value of such a setting begins with.
const ARN: &str = "@arn:";

/// `vars`, with what Secrets Manager has in place of the names of secrets there. Nobody is asked where there is none.
///
/// # Errors
/// A secret cannot be had; its setting is named, and why.
pub(crate) async fn fetched(vars: Vars) -> anyhow::Result<Vars> {
    let wanted: Vec<Wanted> = vars.beginning(ARN).map(Wanted::of).collect();
    if wanted.is_empty() {
        return Ok(vars);
    }
    let values = manager::all(&wanted).await?;
    let found = wanted.iter().zip(values);
    Ok(found.fold(vars, |vars, (wanted, value)| {
        vars.with(&wanted.setting, value.trim())
    }))
}

/// A secret that a setting names.
struct Wanted {
    setting: String,
    arn: String,
}

impl Wanted {
    fn of((setting, value): (&str, &str)) -> Self {
        Self {
            setting: setting.to_owned(),
            arn: value.trim_start_matches('@').to_owned(),
        }
    }
}

#[cfg(feature = "aws")]
mod manager {
    use std::time::Duration;

    use anyhow::Context;
    use aws_config::BehaviorVersion;
    use aws_config::timeout::TimeoutConfig;
    use aws_sdk_secretsmanager::Client;
    use aws_sdk_secretsmanager::error::DisplayErrorContext;
    use aws_smithy_http_client::Builder;
    use aws_smithy_http_client::tls::Provider;
    use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
    use futures::future::try_join_all;

    use super::Wanted;

    /// Lambda gives a function ten seconds to start in.
    const PATIENCE: Duration = Duration::from_secs(8);

    /// The values, in the order of `wanted`.
    pub(super) async fn all(wanted: &[Wanted]) -> anyhow::Result<Vec<String>> {
        let tls = Provider::Rustls(CryptoMode::Ring);
        let timeouts = TimeoutConfig::builder().operation_timeout(PATIENCE);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(Builder::new().tls_provider(tls).build_https())
            .timeout_config(timeouts.build())
            .load()
            .await;
        let client = Client::new(&config);
        try_join_all(wanted.iter().map(|wanted| one(&client, wanted))).await
    }

    async fn one(client: &Client, wanted: &Wanted) -> anyhow::Result<String> {
        let Wanted { setting, arn } = wanted;
        let asked = client.get_secret_value().secret_id(arn).send().await;
        let found = asked.map_err(|error| {
            let reason = DisplayErrorContext(error);
            anyhow::anyhow!("{setting}: cannot have the secret {arn}: {reason}; may this function read it, and has it a value?")
        })?;
        found.secret_string.with_context(|| {
            format!("{setting}: the secret {arn} holds no text; store it as a string")
        })
    }
}

#[cfg(not(feature = "aws"))]
mod manager {
    use super::Wanted;

    /// Never any.
    #[expect(clippy::unused_async, reason = "as where it can ask")]
    pub(super) async fn all(wanted: &[Wanted]) -> anyhow::Result<Vec<String>> {
        let named = |wanted: &Wanted| format!("{} is the secret {}", wanted.setting, wanted.arn);
        let all: Vec<String> = wanted.iter().map(named).collect();
        anyhow::bail!(
            "{}, and these functions were built without AWS: build them with --features aws",
            all.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_names_no_secret_stays_as_it_is() {
        let vars = Vars::default().with("A", "plain").with("B", "@/a/file");
        let fetched = fetched(vars).await.unwrap();
        assert_eq!(fetched.get("A"), Some("plain"));
        assert_eq!(fetched.get("B"), Some("@/a/file"));
    }

    #[cfg(not(feature = "aws"))]
    #[tokio::test]
    async fn a_secret_that_cannot_be_asked_for_refuses_to_start() {
        let vars = Vars::default().with("KEY", "@arn:aws:secretsmanager:r:1:secret:k");
        let error = fetched(vars).await.unwrap_err().to_string();
        assert!(
            error.starts_with("KEY is the secret arn:aws") && error.contains("--features aws"),
            "{error}"
        );
    }
}
