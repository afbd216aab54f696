//! The request with which a machine registers (`GET /reverse`, `buildlet.md` 8.4).

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

/// A machine's registration, from its own side.
#[derive(Clone)]
pub struct Request {
    /// Value of `Host`: the hub's name. Peers of 2019 leave it empty.
    pub host: String,
    /// The name to go by.
    pub hostname: String,
    /// What it is, and what proves it.
    pub claim: Claim,
    /// Of the buildlet.
    pub version: u32,
    /// How to be dialed.
    pub revdial: RevdialVersion,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({:?} of {:?})", self.hostname, self.claim)
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
        let (keys, types, host_type) = match &self.claim {
            Claim::HostType(mode) => (
                line("X-Go-Builder-Key", &mode.key),
                String::new(),
                line("X-Go-Host-Type", &mode.name),
            ),
            Claim::Builders(modes) => (
                modes
                    .iter()
                    .map(|mode| line("X-Go-Builder-Key", &mode.key))
                    .collect(),
                modes
                    .iter()
                    .map(|mode| line("X-Go-Builder-Type", &mode.name))
                    .collect(),
                String::new(),
            ),
        };
        self.check(target)?;
        let Self {
            host,
            hostname,
            version,
            revdial,
            ..
        } = self;
        let revdial = match revdial {
            RevdialVersion::V1 => String::new(),
            later => line(VERSION_HEADER, &later.to_string()),
        };
        // In the order of the names, as Go's client sends them.
        Ok(format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n\
             X-Go-Builder-Hostname: {hostname}\r\n{keys}{types}X-Go-Builder-Version: {version}\r\n\
             {host_type}{revdial}\r\n"
        )
        .into_bytes())
    }

    fn check(&self, target: &str) -> Result<(), BadHeader> {
        let modes = match &self.claim {
            Claim::HostType(mode) => std::slice::from_ref(mode),
            Claim::Builders(modes) => modes,
        };
        let named = modes
            .iter()
            .flat_map(|mode| [("key", &mode.key), ("name", &mode.name)]);
        let mut fields = [
            ("host", self.host.as_str()),
            ("host name", &self.hostname),
            ("target", target),
        ]
        .into_iter()
        .chain(named.map(|(name, value)| (name, value.as_str())));
        match fields.find(|(_, value)| value.chars().any(char::is_control)) {
            Some((name, _)) => Err(BadHeader(name)),
            None => Ok(()),
        }
    }
}

fn line(name: &str, value: &str) -> String {
    format!("{name}: {value}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::read_request;
    use std::time::Duration;

    const GO: &str = "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\
        X-Go-Builder-Hostname: testhost\r\nX-Go-Builder-Key: 2c3751c948a3f763672397642ac5515c\r\n\
        X-Go-Builder-Version: 23\r\nX-Go-Host-Type: host-linux-foo\r\nX-Revdial-Version: 2\r\n\r\n";

    async fn parse(fields: &str) -> Result<Registration, String> {
        let text = format!("GET /reverse HTTP/1.1\r\nHost: \r\n{fields}\r\n");
        let (head, _) = read_request(text.as_bytes(), Duration::from_secs(1))
            .await
            .unwrap();
        Registration::parse(&head).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn our_request_is_the_one_of_2019() {
        let request = Request {
            host: String::new(),
            hostname: "testhost".into(),
            claim: Claim::HostType(Mode {
                name: "host-linux-foo".into(),
                key: "2c3751c948a3f763672397642ac5515c".into(),
            }),
            version: 23,
            revdial: RevdialVersion::V2,
        };
        let text =
            |request: &Request| String::from_utf8(request.to_bytes("/reverse").unwrap()).unwrap();
        assert_eq!(text(&request), GO);
        let v3 = Request {
            revdial: RevdialVersion::V3,
            ..request.clone()
        };
        assert_eq!(text(&v3), GO.replace("Version: 2\r", "Version: 3\r"));
        assert!(
            Request {
                hostname: "a\r\nX: y".into(),
                ..request
            }
            .to_bytes("/reverse")
            .is_err()
        );
    }

    #[tokio::test]
    async fn our_request_in_the_old_form_is_the_one_of_2019_and_is_understood() {
        let mode = |name: &str, key: &str| Mode {
            name: name.into(),
            key: key.into(),
        };
        let request = Request {
            host: String::new(),
            hostname: "testhost".into(),
            claim: Claim::Builders(vec![mode("linux-arm", "k1"), mode("linux-arm-arm5", "k2")]),
            version: 23,
            revdial: RevdialVersion::V2,
        };
        let bytes = request.to_bytes("/reverse").unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes).unwrap(),
            "GET /reverse HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n\
             X-Go-Builder-Hostname: testhost\r\nX-Go-Builder-Key: k1\r\nX-Go-Builder-Key: k2\r\n\
             X-Go-Builder-Type: linux-arm\r\nX-Go-Builder-Type: linux-arm-arm5\r\n\
             X-Go-Builder-Version: 23\r\nX-Revdial-Version: 2\r\n\r\n"
        );
        let (head, _) = read_request(&bytes[..], Duration::from_secs(1))
            .await
            .unwrap();
        assert_eq!(Registration::parse(&head).unwrap().claim, request.claim);
        let claim = Claim::Builders(vec![mode("a\nb", "k")]);
        assert!(Request { claim, ..request }.to_bytes("/reverse").is_err());
    }

    #[tokio::test]
    async fn a_go_buildlets_request_is_read() {
        let (head, _) = read_request(GO.as_bytes(), Duration::from_secs(1))
            .await
            .unwrap();
        let registration = Registration::parse(&head).unwrap();
        assert_eq!(registration.hostname, "testhost");
        assert_eq!(registration.host_type(), Some("host-linux-foo"));
        assert_eq!(registration.key(), Some("2c3751c948a3f763672397642ac5515c"));
        assert_eq!(
            (registration.version, registration.revdial_version),
            (Some(23), RevdialVersion::V2)
        );
        assert!(
            !format!("{registration:?}").contains("2c3751"),
            "keys are not shown"
        );
    }

    #[tokio::test]
    async fn the_old_form_and_version_1_are_read() {
        let old = "X-Go-Builder-Type: a\r\nX-Go-Builder-Type: b\r\nX-Go-Builder-Key: 1\r\nX-Go-Builder-Key: 2\r\n";
        let registration = parse(old).await.unwrap();
        let names: Vec<_> = registration
            .modes()
            .iter()
            .map(|m| (m.name.as_str(), m.key.as_str()))
            .collect();
        assert_eq!(names, [("a", "1"), ("b", "2")]);
        assert_eq!(
            (registration.host_type(), registration.revdial_version),
            (None, RevdialVersion::V1)
        );
    }

    #[tokio::test]
    async fn refusals_have_the_texts_of_2019_in_its_order() {
        let refusals = [
            ("X-Revdial-Version: 9\r\n", "400 unknown revdial version"),
            (
                "X-Go-Host-Type: a\r\nX-Go-Builder-Type: b\r\n",
                "400 invalid mix of X-Go-Host-Type and X-Go-Builder-Type",
            ),
            (
                "X-Revdial-Version: 2\r\n",
                "412 need at least one mode and matching key, got 0/0",
            ),
            (
                "X-Go-Host-Type: a\r\n",
                "412 need at least one mode and matching key, got 1/0",
            ),
            (
                "X-Go-Host-Type: a\r\nX-Go-Builder-Key: 1\r\nX-Go-Builder-Key: 2\r\n",
                "412 need at least one mode and matching key, got 1/2",
            ),
        ];
        for (fields, answer) in refusals {
            assert_eq!(parse(fields).await.unwrap_err(), answer);
        }
        assert_eq!(
            Refusal::bad_key("m").to_string(),
            "412 bad key for mode \"m\""
        );
        assert_eq!(
            Refusal::not_tls().to_string(),
            "500 buildlet registration requires SSL"
        );
    }
}
