//! The request with which a machine registers (`GET /reverse`, `buildlet.md` 8.4).

mod request;

pub use request::{BadHeader, Request};

use crate::head::{Headers, Refusal, RequestHead};

/// The header that names the version, in a request and, from version 3 on, in the answer.
pub const VERSION_HEADER: &str = "X-Revdial-Version";
/// The answer to a version that is not known (`revdial.md` 2). Whoever gets it asks for an older one.
pub const UNKNOWN_VERSION: &str = "unknown revdial version";

/// Which reverse dialing protocol the machine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RevdialVersion {
    /// Frames on the control connection; buildlets before version 23.
    V1,
    /// Lines on the control connection, a TLS connection per pick-up.
    V2,
    /// Streams on the one connection, each with a window of its own; between our own ends alone.
    V3,
}

impl RevdialVersion {
    /// What names it in [`VERSION_HEADER`]; absent and empty are version 1.
    #[must_use]
    pub fn parse(value: Option<&str>) -> Option<Self> {
        match value {
            None | Some("") => Some(Self::V1),
            Some("2") => Some(Self::V2),
            Some("3") => Some(Self::V3),
            Some(_) => None,
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

impl std::fmt::Display for RevdialVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// A name and the key that shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mode {
    /// A host type; in the old form a builder.
    pub name: String,
    /// What was presented for it.
    pub key: String,
}

/// Names only: keys are secrets.
impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mode({:?})", self.name)
    }
}

/// What the machine says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// One host type.
    HostType(Mode),
    /// The old form: builders, at least one.
    Builders(Vec<Mode>),
}

/// A machine's request to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The name it goes by; may be empty, and then it cannot be used.
    pub hostname: String,
    /// What it says it is, keys unchecked.
    pub claim: Claim,
    /// Of the buildlet, for people; the one in `/status` counts.
    pub version: Option<u32>,
    /// How it wants to be dialed.
    pub revdial_version: RevdialVersion,
}

impl Registration {
    /// Reads the headers, in the order of the checks of 2019. Whether the connection is TLS and the keys are right is for
    /// the caller: [`Refusal::not_tls`] before, [`Refusal::bad_key`] after.
    ///
    /// # Errors
    /// What to answer.
    pub fn parse(head: &RequestHead) -> Result<Self, Refusal> {
        let headers = &head.headers;
        let revdial_version = RevdialVersion::parse(headers.get(VERSION_HEADER))
            .ok_or_else(|| Refusal::new(400, UNKNOWN_VERSION))?;
        Ok(Self {
            hostname: headers
                .get("X-Go-Builder-Hostname")
                .unwrap_or_default()
                .to_owned(),
            claim: claim(headers)?,
            version: headers
                .get("X-Go-Builder-Version")
                .and_then(|text| text.parse().ok()),
            revdial_version,
        })
    }

    /// Every name claimed, with its key; at least one.
    #[must_use]
    pub fn modes(&self) -> &[Mode] {
        match &self.claim {
            Claim::HostType(mode) => std::slice::from_ref(mode),
            Claim::Builders(modes) => modes,
        }
    }

    /// The host type, unless it registered in the old form.
    #[must_use]
    pub fn host_type(&self) -> Option<&str> {
        self.mode().map(|mode| mode.name.as_str())
    }

    /// The key presented for the host type.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.mode().map(|mode| mode.key.as_str())
    }

    fn mode(&self) -> Option<&Mode> {
        match &self.claim {
            Claim::HostType(mode) => Some(mode),
            Claim::Builders(_) => None,
        }
    }
}

fn claim(headers: &Headers) -> Result<Claim, Refusal> {
    let host_type = headers
        .get("X-Go-Host-Type")
        .filter(|name| !name.is_empty());
    let mut names: Vec<&str> = headers.all("X-Go-Builder-Type").collect();
    if host_type.is_some() && !names.is_empty() {
        return Err(Refusal::new(
            400,
            "invalid mix of X-Go-Host-Type and X-Go-Builder-Type",
        ));
    }
    names.extend(host_type);
    let keys: Vec<&str> = headers.all("X-Go-Builder-Key").collect();
    if names.is_empty() || names.len() != keys.len() {
        let text = format!(
            "need at least one mode and matching key, got {}/{}",
            names.len(),
            keys.len()
        );
        return Err(Refusal::new(412, text));
    }
    let mut modes = names.into_iter().zip(keys).map(|(name, key)| Mode {
        name: name.to_owned(),
        key: key.to_owned(),
    });
    match (host_type, modes.next()) {
        (Some(_), Some(mode)) => Ok(Claim::HostType(mode)),
        (_, first) => Ok(Claim::Builders(first.into_iter().chain(modes).collect())),
    }
}

impl Refusal {
    /// The machine did not come over TLS.
    #[must_use]
    pub fn not_tls() -> Self {
        Self::new(500, "buildlet registration requires SSL")
    }

    /// A key is wrong; which check it failed is for our log alone.
    #[must_use]
    pub fn bad_key(mode: &str) -> Self {
        Self::new(412, format!("bad key for mode {mode:?}"))
    }

    /// The machine speaks only version 1 of reverse dialing, and that is switched off.
    #[must_use]
    pub fn too_old() -> Self {
        Self::new(400, "buildlet binary is too old")
    }
}

#[cfg(test)]
mod tests;
