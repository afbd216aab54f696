//! The mail server that takes what we send: `FARM_SMTP=smtp://user@host:port?tls=required`.
//!
//! | scheme | `tls` | |
//! |---|---|---|
//! | `smtp` | `required`, the default | STARTTLS or nothing; port 587 |
//! | `smtp` | `none` | plain text, for a server on this computer or network; port 25; a password goes to this computer alone |
//! | `smtps` | | TLS from the start; port 465 |

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use farm_runtime::Vars;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, response::Code};
use reqwest::Url;
use tokio::time::timeout;

use super::once::Sent;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a letter may take, from the first word to the last.
const PATIENCE: Duration = Duration::from_secs(15);

/// A mail server.
pub(super) struct Server {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
    /// By what name we say hello.
    name: ClientId,
}

enum Tls {
    None,
    Upgraded(TlsParameters),
    FromTheStart(TlsParameters),
}

impl Server {
    /// The server that `FARM_SMTP` names, if it does.
    pub(super) fn open(vars: &Vars, domain: &str) -> anyhow::Result<Option<Self>> {
        let Some(text) = vars.get("FARM_SMTP") else {
            return Ok(None);
        };
        let url: Url = text
            .parse()
            .context("FARM_SMTP is not written smtp://user@host:port?tls=required")?;
        if url.password().is_some() {
            bail!("FARM_SMTP holds a password; that belongs into FARM_SMTP_PASSWORD");
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.context("FARM_SMTP names no host")?;
        let (tls, port) = tls(&url, host)?;
        Ok(Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(port),
            credentials: credentials(&url, vars, &tls, host)?,
            tls,
            name: ClientId::Domain(domain.to_owned()),
        }))
    }

    /// Hands a letter in.
    pub(super) async fn send(&self, envelope: &Envelope, letter: &[u8]) -> Sent {
        let connected = match timeout(PATIENCE, self.connect()).await {
            Ok(connected) => connected,
            Err(_) => return Sent::NotNow(format!("{} takes too long to talk to", self.host)),
        };
        let mut connection = match connected {
            Ok(connection) => connection,
            // Whatever is wrong here is not wrong with the letter.
            Err(error) => return Sent::NotNow(format!("{}: {}", self.host, words(&error))),
        };
        let sent = match timeout(PATIENCE, connection.send(envelope, letter)).await {
            Ok(Ok(_)) => Sent::Done,
            Ok(Err(error)) => self.not_sent(&error),
            Err(_) => Sent::Unsure(format!("{} did not take it in time", self.host)),
        };
        // It has the letter already: how the talk ends is nothing to us.
        let _goodbye = timeout(CONNECT, connection.quit()).await;
        sent
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let at = (self.host.as_str(), self.port);
        let from_the_start = match &self.tls {
            Tls::FromTheStart(tls) => Some(tls.clone()),
            Tls::None | Tls::Upgraded(_) => None,
        };
        let opened = AsyncSmtpConnection::connect_tokio1(
            at,
            Some(CONNECT),
            &self.name,
            from_the_start,
            None,
        );
        let mut connection = opened.await?;
        if let Tls::Upgraded(tls) = &self.tls {
            connection.starttls(tls.clone(), &self.name).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    fn not_sent(&self, error: &Error) -> Sent {
        let why = format!("{}: {}", self.host, words(error));
        match error.status() {
            // It wants us to prove who we are: an operator can mend that.
            Some(code) if is_about_us(code) => Sent::NotNow(why),
            Some(_) if error.is_permanent() => Sent::Refused(why),
            Some(_) => Sent::NotNow(why),
            // What the server cannot do, or what was said before the letter.
            None if error.is_client() => Sent::Refused(why),
            None => Sent::Unsure(why),
        }
    }
}

/// 530, 534, 535, 538 (RFC 4954).
fn is_about_us(code: Code) -> bool {
    matches!(code.into(), 530_u16 | 534 | 535 | 538)
}

/// What went wrong, on one line and not long.
fn words(error: &Error) -> String {
    let source = std::error::Error::source(error);
    let text = source.map_or(error.to_string(), |source| format!("{error}: {source}"));
    super::text::plain(&text)
}

/// How TLS is spoken, and the usual port.
fn tls(url: &Url, host: &str) -> anyhow::Result<(Tls, u16)> {
    let asked = url.query_pairs().find(|(name, _)| name == "tls");
    let asked = asked.map_or("required".into(), |(_, value)| value);
    let parameters = || {
        let made = TlsParameters::new(host.to_owned());
        made.with_context(|| format!("FARM_SMTP: {host} is no name for TLS"))
    };
    Ok(match (url.scheme(), asked.as_ref()) {
        ("smtps", _) => (Tls::FromTheStart(parameters()?), 465),
        ("smtp", "required") => (Tls::Upgraded(parameters()?), 587),
        ("smtp", "none") => (Tls::None, 25),
        ("smtp", other) => bail!("FARM_SMTP: tls={other} is neither required nor none"),
        _ => bail!("FARM_SMTP begins with smtp:// or smtps://"),
    })
}

fn credentials(
    url: &Url,
    vars: &Vars,
    tls: &Tls,
    host: &str,
) -> anyhow::Result<Option<Credentials>> {
    let user = url.username();
    if user.is_empty() {
        return Ok(None);
    }
    let user = percent_encoding::percent_decode_str(user);
    let user = user.decode_utf8().context("FARM_SMTP: the user")?;
    let password = vars.require(
        "FARM_SMTP_PASSWORD",
        "the password of the user in FARM_SMTP",
    )?;
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if matches!(tls, Tls::None) && !here {
        bail!("FARM_SMTP: a password does not go to {host} in plain text; use tls=required");
    }
    Ok(Some(Credentials::new(user.into_owned(), password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str) -> anyhow::Result<(u16, bool)> {
        let vars = Vars::default()
            .with("FARM_SMTP", url)
            .with("FARM_SMTP_PASSWORD", "p");
        let server = Server::open(&vars, "farm.example")?.unwrap();
        Ok((server.port, server.credentials.is_some()))
    }

    #[test]
    fn the_address_says_how_to_talk() {
        assert_eq!(open("smtp://mail.example").unwrap(), (587, false));
        assert_eq!(open("smtp://u@mail.example:2525").unwrap(), (2525, true));
        assert_eq!(open("smtps://u%40x@mail.example").unwrap(), (465, true));
        assert_eq!(open("smtp://localhost?tls=none").unwrap(), (25, false));
        assert_eq!(open("smtp://u@127.0.0.1?tls=none").unwrap(), (25, true));
    }

    #[test]
    fn what_would_give_a_password_away_is_refused() {
        for (url, why) in [
            ("smtp://u:s3cret@mail.example", "FARM_SMTP_PASSWORD"),
            ("smtp://u@mail.example?tls=none", "plain text"),
            ("smtp://mail.example?tls=maybe", "neither"),
            ("http://mail.example", "begins with"),
            ("mail.example:25", "FARM_SMTP"),
        ] {
            let error = open(url).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("s3cret"), "{error}");
        }
        let bare = Vars::default().with("FARM_SMTP", "smtp://u@mail.example");
        let error = Server::open(&bare, "d").err().unwrap().to_string();
        assert!(
            error.starts_with("FARM_SMTP_PASSWORD is not set"),
            "{error}"
        );
    }
}
