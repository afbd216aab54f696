//! The machine's side of a registration.

use super::{RevdialVersion, VERSION_HEADER};

/// A machine's registration, from its own side.
#[derive(Clone)]
pub struct Request {
    /// Value of `Host`: the hub's name. Peers of 2019 leave it empty.
    pub host: String,
    /// The name to go by.
    pub hostname: String,
    /// What it is.
    pub host_type: String,
    /// What proves it.
    pub key: String,
    /// Of the buildlet.
    pub version: u32,
    /// How to be dialed.
    pub revdial: RevdialVersion,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({:?} of {:?})", self.hostname, self.host_type)
    }
}

/// A name or key holds what no header can.
#[derive(Debug, thiserror::Error)]
#[error("{0} holds a character that no header can carry")]
pub struct BadHeader(&'static str);

impl Request {
    /// The request, byte for byte as `buildlet.md` 8.4 has it. The user agent is part of that contract: front ends out there
    /// were written for it. `target` is `/reverse`, or where the hub redirected to.
    ///
    /// # Errors
    /// A value holds a control character.
    pub fn to_bytes(&self, target: &str) -> Result<Vec<u8>, BadHeader> {
        let fields = [
            ("host", self.host.as_str()),
            ("host name", &self.hostname),
            ("key", &self.key),
            ("host type", &self.host_type),
            ("target", target),
        ];
        for (name, value) in fields {
            if value.chars().any(char::is_control) {
                return Err(BadHeader(name));
            }
        }
        let Self {
            host,
            hostname,
            host_type,
            key,
            version,
            revdial,
        } = self;
        let revdial = match revdial {
            RevdialVersion::V1 => String::new(),
            later => format!("{VERSION_HEADER}: {later}\r\n"),
        };
        Ok(format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n\
             X-Go-Builder-Hostname: {hostname}\r\nX-Go-Builder-Key: {key}\r\nX-Go-Builder-Version: {version}\r\n\
             X-Go-Host-Type: {host_type}\r\n{revdial}\r\n"
        )
        .into_bytes())
    }
}
