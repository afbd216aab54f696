//! From a URL to a connection on which nothing waits for ever.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};

use super::tls;
use crate::fault::Fault;
use crate::sql::Access;
use crate::url::BadStateUrl;

/// One attempt to reach one address of a server.
const CONNECT: Duration = Duration::from_secs(5);
/// A server that is gone without a word is noticed within about this, three probes included.
const SILENCE: Duration = Duration::from_secs(15);
const PROBES: u32 = 3;
/// What the server may spend on a statement, on waiting for a lock, and on waiting for us. Reading a million builds takes
/// seconds.
const LIMITS: &str = "SET statement_timeout = '120s';
     SET lock_timeout = '10s';
     SET idle_in_transaction_session_timeout = '120s';
     SET synchronous_commit = on;
     SET client_min_messages = warning;";

/// For who may change nothing.
const READING: &str = "SET default_transaction_read_only = on;";

/// Where a PostgreSQL database is, and how it is reached. Shows no password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Tls,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tls {
    No,
    /// With a certificate that the public roots vouch for, or those of this file alone.
    Verified {
        roots: Option<PathBuf>,
    },
}

impl FromStr for Address {
    type Err = BadStateUrl;

    fn from_str(url: &str) -> Result<Self, BadStateUrl> {
        let (rest, settings) = without_tls_settings(url);
        let mut config: Config = rest.parse().map_err(|_| BadStateUrl::Postgres)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(BadStateUrl::NoHost);
        }
        let tls = settings.tls(&config)?;
        config.ssl_mode(match tls {
            Tls::No => SslMode::Disable,
            Tls::Verified { .. } => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("farmhand");
        }
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(SILENCE)
            .keepalives_idle(SILENCE / 3)
            .keepalives_interval(SILENCE / 3)
            .keepalives_retries(PROBES);
        Ok(Self { config, tls })
    }
}

/// What the URL says of TLS.
#[derive(Default)]
struct TlsSettings {
    mode: Option<String>,
    roots: Option<PathBuf>,
}

impl TlsSettings {
    fn tls(self, config: &Config) -> Result<Tls, BadStateUrl> {
        let roots = self.roots;
        match self.mode.as_deref() {
            Some("disable") => Ok(Tls::No),
            Some("require" | "verify-full") => Ok(Tls::Verified { roots }),
            Some(_) => Err(BadStateUrl::TlsMode),
            None if roots.is_none() && config.get_hosts().iter().all(is_here) => Ok(Tls::No),
            None => Ok(Tls::Verified { roots }),
        }
    }
}

/// Whether what is sent stays on this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
    }
}

/// The URL as the driver reads it: of TLS it knows other settings.
fn without_tls_settings(url: &str) -> (String, TlsSettings) {
    let mut settings = TlsSettings::default();
    let Some((start, query)) = url.split_once('?') else {
        return (url.to_owned(), settings);
    };
    let mut rest = Vec::new();
    for setting in query.split('&') {
        match setting.split_once('=') {
            Some(("sslmode", mode)) => settings.mode = Some(mode.to_owned()),
            Some(("sslrootcert", file)) => {
                settings.roots = Some(Path::new(&file.replace("%2F", "/")).to_owned());
            }
            _ => rest.push(setting),
        }
    }
    let mark = if rest.is_empty() { "" } else { "?" };
    (format!("{start}{mark}{}", rest.join("&")), settings)
}

/// Connects.
pub fn client(address: &Address, access: Access) -> Result<Client, Fault> {
    let mut client = match &address.tls {
        Tls::No => address.config.connect(NoTls)?,
        Tls::Verified { roots } => address.config.connect(tls::connector(roots.as_deref())?)?,
    };
    client.batch_execute(LIMITS)?;
    if access == Access::Reading {
        client.batch_execute(READING)?;
    }
    Ok(client)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        f.write_str("postgres://")?;
        if let Some(user) = config.get_user() {
            write!(f, "{user}@")?;
        }
        let name = |host: &Host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(folder) => folder.display().to_string(),
        };
        let hosts: Vec<_> = config.get_hosts().iter().map(name).collect();
        f.write_str(&hosts.join(","))?;
        for port in config.get_ports() {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
