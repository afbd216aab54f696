//! Webhooks of other people: each event is posted to every address in `FARM_HOOKS` as structured CloudEvents JSON.
//!
//! It is signed as GitHub signs (`X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 with `FARM_HOOK_SECRET` over the body): that
//! is what receivers have code for, our own webhooks among them. The time and the id, by which a receiver drops what comes
//! twice, are in the body, and so under the signature.
//!
//! Addresses are the operator's, and still: `https` alone, `http` to this computer; no redirect is followed, so that no answer
//! leads elsewhere, and of an answer only the beginning is read.

use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use bytes::Bytes;
use farm_forge::signature::sign_github;
use farm_model::event::Event;
use farm_runtime::{Vars, event};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::once::Sent;

/// How long a receiver has to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is read of an answer, in bytes, for the log.
const READ: usize = 500;
/// Addresses.
const MOST: usize = 10;

/// All of them.
pub(super) struct Hooks {
    client: Client,
    urls: Vec<Url>,
    secret: String,
}

/// One event for one of them.
pub(super) struct Call<'a> {
    url: &'a Url,
    body: Bytes,
    signature: String,
}

impl Hooks {
    /// Those that the settings name, if they name any.
    pub(super) fn open(vars: &Vars) -> anyhow::Result<Option<Self>> {
        let Some(list) = vars.get("FARM_HOOKS") else {
            return Ok(None);
        };
        let urls = super::text::listed(list).map(address);
        let urls = urls.collect::<anyhow::Result<Vec<Url>>>()?;
        if urls.len() > MOST {
            bail!(
                "FARM_HOOKS has {} addresses; at most {MOST} are called",
                urls.len()
            );
        }
        let secret = vars.require(
            "FARM_HOOK_SECRET",
            "the secret that calls of FARM_HOOKS are signed with",
        )?;
        // Another part of the process may have set it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Some(Self {
            client,
            urls,
            secret,
        }))
    }

    /// A call of each.
    ///
    /// # Errors
    /// The event cannot be written as JSON.
    pub(super) fn calls(&self, event: &Event) -> serde_json::Result<Vec<Call<'_>>> {
        let body = Bytes::from(event::structured_json(event)?);
        let signature = sign_github(self.secret.as_bytes(), &body);
        let call = |url| Call {
            url,
            body: body.clone(),
            signature: signature.clone(),
        };
        Ok(self.urls.iter().map(call).collect())
    }

    pub(super) async fn send(&self, call: &Call<'_>) -> Sent {
        let request = self
            .client
            .post(call.url.clone())
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .header(USER_AGENT, "farmhand")
            .header("X-Hub-Signature-256", &call.signature)
            .body(call.body.clone());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return unanswered(call, error),
        };
        let status = answer.status();
        if status.is_success() {
            return Sent::Done;
        }
        let why = format!("{} answered {status}: {}", call.host(), begin(answer).await);
        match is_passing(status) {
            true => Sent::NotNow(why),
            false => Sent::Refused(why),
        }
    }
}

impl Call<'_> {
    /// Who is called.
    pub(super) fn receiver(&self) -> String {
        self.url.to_string()
    }

    /// For people: the rest of an address may be a secret.
    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }
}

fn unanswered(call: &Call<'_>, error: reqwest::Error) -> Sent {
    let never = error.is_connect() || error.is_builder();
    let why = format!("{} did not answer: {}", call.host(), error.without_url());
    match never {
        true => Sent::NotNow(why),
        false => Sent::Unsure(why),
    }
}

/// Whether the same may be taken later.
fn is_passing(status: StatusCode) -> bool {
    let passing = [
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_server_error() || passing.contains(&status)
}

async fn begin(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < READ
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(READ);
    super::text::plain(&String::from_utf8_lossy(&bytes))
}

fn address(text: &str) -> anyhow::Result<Url> {
    // What does not read is not repeated: it may hold a secret.
    let Ok(url) = text.parse::<Url>() else {
        bail!(
            "FARM_HOOKS holds what is no address; write https://host/path, with commas between them"
        );
    };
    let host = url.host_str().unwrap_or_default();
    let here = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    if !(url.scheme() == "https" || url.scheme() == "http" && here) {
        bail!(
            "FARM_HOOKS: {host} is to be called over https; plain http is for this computer alone"
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        bail!(
            "FARM_HOOKS: {host} is given with a user; calls are signed with FARM_HOOK_SECRET instead"
        );
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_computer_are_called() {
        for good in [
            "https://example.org/x?y",
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
            "http://localhost/",
        ] {
            assert!(address(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.org/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "https://u:p@example.org/",
            "example.org",
            "http://127.0.0.1.example.org/",
        ] {
            let error = address(bad).unwrap_err().to_string();
            assert!(
                error.starts_with("FARM_HOOKS") && !error.contains(":p@"),
                "{error}"
            );
        }
    }

    #[test]
    fn calls_want_a_secret() {
        let vars = Vars::default().with("FARM_HOOKS", "https://a.example/, https://b.example/");
        let error = Hooks::open(&vars).err().unwrap().to_string();
        assert!(error.starts_with("FARM_HOOK_SECRET is not set"), "{error}");
        let hooks = Hooks::open(&vars.with("FARM_HOOK_SECRET", "s")).unwrap();
        assert_eq!(hooks.unwrap().urls.len(), 2);
        assert!(Hooks::open(&Vars::default()).unwrap().is_none());
    }
}
