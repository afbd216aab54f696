//! Signing in at a provider: OpenID Connect Core 1.0, authorization code with PKCE (RFC 7636), the sender named (RFC 9207).

mod allow;
mod flow;
mod jwt;
mod provider;

use axum::http::{HeaderMap, StatusCode};
use farm_model::Timestamp;
use farm_runtime::{Ids, Vars};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use self::allow::Allow;
use self::flow::Flow;
use self::provider::Remote;
use crate::site::Site;

/// Where a provider sends people back to.
const CALLBACK: &str = "/sign-in/callback";

/// A provider, and whom of its people we let in.
pub(super) struct Provider {
    remote: Remote,
    allow: Allow,
    /// What flows are sealed with.
    key: String,
}

/// A sign-in that has begun.
pub(super) struct Begun {
    /// Where the browser goes.
    pub(super) address: String,
    /// What it keeps meanwhile.
    pub(super) cookie: String,
}

/// Somebody who may come in.
pub(super) struct Who {
    pub(super) subject: String,
    /// Where they were before.
    pub(super) back: String,
}

/// What the browser brings back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    code: String,
    state: String,
    error: String,
    iss: Option<String>,
}

/// Why nobody is signed in. What a provider says is for the log: it may say anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Nothing has begun here, or too long ago, or in another browser.
    #[error("This sign-in did not begin here, or too long ago.")]
    Unknown,
    /// The provider, or the person there, said no.
    #[error("The provider did not sign you in.")]
    Refused(String),
    /// The provider cannot be reached, or answers what makes no sense.
    #[error("The provider cannot be asked right now.")]
    Away(String),
    /// What it says of who that is cannot be believed.
    #[error("What the provider says of you cannot be believed.")]
    Unbelieved(String),
    /// Not among those whom we let in.
    #[error("You are not among those who may sign in here.")]
    Stranger(String),
}

impl Trouble {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unknown => StatusCode::BAD_REQUEST,
            Self::Refused(_) | Self::Unbelieved(_) => StatusCode::UNAUTHORIZED,
            Self::Away(_) => StatusCode::BAD_GATEWAY,
            Self::Stranger(_) => StatusCode::FORBIDDEN,
        }
    }

    /// With what is not for everybody; never a code or a token.
    pub(super) fn log(&self) -> String {
        match self {
            Self::Unknown => self.to_string(),
            Self::Refused(why) | Self::Away(why) | Self::Unbelieved(why) | Self::Stranger(why) => {
                format!("{self} {why}")
            }
        }
    }
}

impl Provider {
    /// None where `FARM_OIDC_ISSUER` is not set.
    pub(super) fn read(vars: &Vars, key: &str) -> anyhow::Result<Option<Self>> {
        let Some(remote) = Remote::read(vars)? else {
            return Ok(None);
        };
        let allow = vars.require(
            "FARM_OIDC_ALLOW",
            "who may sign in: addresses, *@domains, group:names",
        )?;
        Ok(Some(Self {
            remote,
            allow: allow.parse()?,
            key: key.to_owned(),
        }))
    }

    /// Sends a browser to the provider.
    pub(super) async fn begin(
        &self,
        site: &Site,
        back: &str,
        ids: &Ids,
        now: Timestamp,
    ) -> Result<Begun, Trouble> {
        let flow = Flow::new(back, ids, now);
        let address = self.remote.address(&flow, &redirect(site), now).await?;
        let cookie = flow.cookie(&self.key, site).ok_or(Trouble::Unknown)?;
        Ok(Begun { address, cookie })
    }

    /// Takes what the browser brings back.
    pub(super) async fn end(
        &self,
        site: &Site,
        headers: &HeaderMap,
        answer: Answer,
        now: Timestamp,
    ) -> Result<Who, Trouble> {
        let flow = Flow::read(&self.key, headers, site, now).ok_or(Trouble::Unknown)?;
        let same = answer.state.as_bytes().ct_eq(flow.state.as_bytes());
        if !bool::from(same) {
            return Err(Trouble::Unknown);
        }
        if answer.iss.is_some_and(|from| from != self.remote.issuer()) {
            let text = "the answer is of another provider".to_owned();
            return Err(Trouble::Unbelieved(text));
        }
        if !answer.error.is_empty() || answer.code.is_empty() {
            let text = answer.error.chars().take(100).collect();
            return Err(Trouble::Refused(text));
        }
        let claims = self
            .remote
            .claims(&answer.code, &flow, &redirect(site), now)
            .await?;
        match self.allow.admits(&claims) {
            true => Ok(Who {
                subject: claims.subject(),
                back: flow.back,
            }),
            false => Err(Trouble::Stranger(claims.subject())),
        }
    }

    /// The value of `Set-Cookie` that takes away what the browser kept.
    pub(super) fn forget(&self, site: &Site) -> String {
        Flow::forget(site)
    }
}

fn redirect(site: &Site) -> String {
    site.origin() + CALLBACK
}
