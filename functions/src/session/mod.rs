//! Who is signed in: a cookie that holds a token as `farm token` makes them, and what shows that a form was sent from a page of
//! ours by somebody who saw it.
//!
//! The cookie is out of the reach of scripts, is not sent along by forms of other sites (`SameSite=Lax`), and on https goes by
//! a name that only this host can set.

mod cookie;

use std::fmt;

use axum::http::{HeaderMap, header};
use farm_forge::{seal, token};
use farm_model::Timestamp;
use farm_runtime::Vars;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub(crate) use self::cookie::Cookie;
use crate::site::Site;

/// How long a session lasts.
pub(crate) const LASTS: SignedDuration = SignedDuration::from_hours(12);
/// The cookie of a session.
const SESSION: Cookie = Cookie {
    name: "farm-session",
    path: "/",
};
/// What CSRF tokens are sealed for.
const CSRF: &str = "csrf1";

/// Sessions, signed with `FARM_TOKEN_KEY`.
#[derive(Clone)]
pub(crate) struct Sessions {
    key: String,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// Somebody who is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedIn {
    /// Who: the subject of the token.
    pub(crate) subject: String,
    /// What forms of pages for this session have in the field `csrf`.
    pub(crate) csrf: String,
}

impl SignedIn {
    /// In whose name commands are given.
    pub(crate) fn actor(&self) -> String {
        format!("user:{}", self.subject)
    }
}

/// Why a form does not count as sent by who is signed in. None says more than the sender knows already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOurs {
    /// The browser says that another site sent it.
    #[error("this was sent from a page of another site")]
    Elsewhere,
    /// Its token is missing, or another session's.
    #[error("the page that this was sent from is out of date: load it again")]
    Stale,
}

impl Sessions {
    /// Signed with `key`.
    pub(crate) fn new(key: String) -> Self {
        Self { key }
    }

    /// None where `FARM_TOKEN_KEY` is not set: then nobody can be signed in.
    ///
    /// # Errors
    /// It names a file that cannot be read.
    pub(crate) fn read(vars: &Vars) -> anyhow::Result<Option<Self>> {
        Ok(vars.read("FARM_TOKEN_KEY")?.map(Self::new))
    }

    /// Who sent this request, if they are signed in.
    pub(crate) fn signed_in(
        &self,
        headers: &HeaderMap,
        site: &Site,
        now: Timestamp,
    ) -> Option<SignedIn> {
        let token = SESSION.read(headers, site)?;
        let claims = token::verify(self.key.as_bytes(), token, now).ok()?;
        Some(SignedIn {
            subject: claims.subject,
            csrf: self.csrf(token)?,
        })
    }

    /// Whether a form with this `csrf` was sent from a page of ours that was made for `signed_in`.
    ///
    /// # Errors
    /// [`NotOurs`].
    pub(crate) fn check(
        &self,
        signed_in: &SignedIn,
        headers: &HeaderMap,
        site: &Site,
        csrf: &str,
    ) -> Result<(), NotOurs> {
        if !is_same_site(headers, site) {
            return Err(NotOurs::Elsewhere);
        }
        let same = csrf.as_bytes().ct_eq(signed_in.csrf.as_bytes());
        if bool::from(same) {
            Ok(())
        } else {
            Err(NotOurs::Stale)
        }
    }

    /// The value of `Set-Cookie` that signs `subject` in, for [`LASTS`] or until the token given ends.
    ///
    /// # Errors
    /// The subject cannot be in a token.
    pub(crate) fn begin(
        &self,
        subject: &str,
        until: Timestamp,
        site: &Site,
        now: Timestamp,
    ) -> anyhow::Result<String> {
        let until = until.min(now.checked_add(LASTS)?);
        let token = token::mint(self.key.as_bytes(), subject, until)?;
        let seconds = until.duration_since(now).as_secs();
        Ok(SESSION.set(&token, seconds, site))
    }

    /// The value of `Set-Cookie` that ends a session.
    pub(crate) fn end(site: &Site) -> String {
        SESSION.clear(site)
    }

    /// What the pages of a session carry: bound to its token, and of no use as one.
    fn csrf(&self, token: &str) -> Option<String> {
        let digest = Sha256::digest(token);
        seal::seal(self.key.as_bytes(), CSRF, &digest[..16])
    }
}

/// What the browser says of where a request comes from. One that says nothing is not a browser of these years; then the token
/// alone decides.
pub(crate) fn is_same_site(headers: &HeaderMap, site: &Site) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(from), _) => from == "same-origin",
        (None, Some(origin)) => origin == site.origin(),
        (None, None) => true,
    }
}

/// Where to go on after a form: a path of ours, or else the front page. What begins with two slashes is another host, and
/// browsers take `\` for `/` and leave line ends and tabs out.
pub(crate) fn back(path: Option<&str>) -> &str {
    let odd = |c: char| c == '\\' || c.is_control();
    match path {
        Some(path) if path.starts_with('/') && !path.starts_with("//") && !path.contains(odd) => {
            path
        }
        _ => "/",
    }
}

#[cfg(test)]
mod tests;
