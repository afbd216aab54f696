//! Ways through HTTP proxies (`buildlet.md` 8.3): which one, if any, and `CONNECT` (RFC 9110 9.3.6).
//!
//! Settings are those that programs of Unix share: `https_proxy`, `http_proxy`, `no_proxy`, in either case. Reading them is
//! the caller's business.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use tokio::io::AsyncWriteExt;

use crate::head::read_answer;
use crate::stream::{self, BoxStream};

/// For the proxy to answer `CONNECT`, once it was reached.
const LIMIT: Duration = Duration::from_secs(20);

/// One proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    credentials: Option<(String, String)>,
}

/// Without its password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

/// A proxy is named in a way that is not understood. The text does not repeat it: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is not understood; it should look like http://proxy.example:3128 or http://user:password@proxy.example:3128"
)]
pub struct BadProxy(String);

impl Proxy {
    /// Parses `[http://][user[:password]@]host[:port][/]`; the port is 80 if none is given.
    fn parse(variable: &str, text: &str) -> Result<Self, BadProxy> {
        let bad = || BadProxy(variable.to_owned());
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return Err(bad()),
            None => text,
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let (credentials, address) = match authority.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, authority),
        };
        let (host, port) = split_port(address);
        let port = port.map_or(Some(80), |port| port.parse().ok());
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(String::from).map_err(|_| bad())
        };
        let credentials = credentials.map(|text| {
            let (user, password) = text.split_once(':').unwrap_or((text, ""));
            Ok((decode(user)?, decode(password)?))
        });
        match (host, port) {
            ("", _) | (_, None) => Err(bad()),
            (host, Some(port)) => Ok(Self {
                host: host.to_owned(),
                port,
                credentials: credentials.transpose()?,
            }),
        }
    }

    /// Without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// User and password, for Basic authentication.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        let (user, password) = self.credentials.as_ref()?;
        Some((user, password))
    }

    /// A connection to `address` (`host:port`) through this proxy.
    ///
    /// # Errors
    /// It is not reached, does not answer within twenty seconds, refuses, or sends bytes that are not the peer's.
    pub async fn connect(&self, address: &str) -> io::Result<BoxStream> {
        let other = |text: String| io::Error::other(format!("proxy {}: {text}", self.host));
        let mut stream = stream::tcp(&join(&self.host, self.port)).await?;
        let request = self.request(address);
        let sent = tokio::time::timeout(LIMIT, stream.write_all(request.as_bytes())).await;
        sent.map_err(|_| other("takes no request".to_owned()))??;
        let (head, stream) = read_answer(stream, LIMIT)
            .await
            .map_err(|error| other(error.to_string()))?;
        match head.status {
            200 if stream.prefix().is_empty() => Ok(Box::new(stream)),
            200 => Err(other("sends more than an answer to CONNECT".to_owned())),
            status => Err(other(format!(
                "answers CONNECT with {status} {}",
                head.reason
            ))),
        }
    }

    /// The proxy's name stood in `Host` in 2019; a proxy of today wants the target there.
    fn request(&self, address: &str) -> String {
        let authorization = self.credentials.as_ref().map(|(user, password)| {
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            format!("Proxy-Authorization: Basic {encoded}\r\n")
        });
        format!(
            "CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n{}\r\n",
            authorization.unwrap_or_default()
        )
    }
}

/// Which proxy leads where.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    direct: Vec<Direct>,
}

/// Something that no proxy is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Direct {
    All,
    /// An address block: its first bits count.
    Block(IpAddr, u8),
    /// A host, lower case, and all below it unless only those are meant; perhaps at one port only.
    Name {
        name: String,
        below_only: bool,
        port: Option<u16>,
    },
}

impl Proxies {
    /// No proxies.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// As the variables say, capitals first; `lookup` knows their values.
    ///
    /// # Errors
    /// [`BadProxy`]: going without would surprise whoever set it.
    pub fn from_variables<'a>(lookup: impl Fn(&str) -> Option<&'a str>) -> Result<Self, BadProxy> {
        let value = |name: &'static str, lower: &'static str| {
            let given = [name, lower].map(|name| (name, lookup(name).map(str::trim)));
            given
                .into_iter()
                .find_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?)))
        };
        let proxy = |name, lower| {
            value(name, lower)
                .map(|(name, text)| Proxy::parse(name, text))
                .transpose()
        };
        let direct = value("NO_PROXY", "no_proxy").map_or("", |(_, text)| text);
        Ok(Self {
            https: proxy("HTTPS_PROXY", "https_proxy")?,
            http: proxy("HTTP_PROXY", "http_proxy")?,
            direct: direct.split(',').filter_map(Direct::parse).collect(),
        })
    }

    /// The proxy for TLS connections to `host` at `port`.
    #[must_use]
    pub fn https(&self, host: &str, port: u16) -> Option<&Proxy> {
        self.https.as_ref().filter(|_| !self.is_direct(host, port))
    }

    /// The proxy for plain HTTP to `host` at `port`.
    #[must_use]
    pub fn http(&self, host: &str, port: u16) -> Option<&Proxy> {
        self.http.as_ref().filter(|_| !self.is_direct(host, port))
    }

    /// This machine itself is never asked of a proxy.
    fn is_direct(&self, host: &str, port: u16) -> bool {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        host == "localhost"
            || address.is_some_and(|address| address.is_loopback())
            || self
                .direct
                .iter()
                .any(|direct| direct.covers(&host, address, port))
    }
}

impl Direct {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = text.split_once('/') {
            return Some(Self::Block(address.parse().ok()?, bits.parse().ok()?));
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Some(Self::Block(address, 128));
        }
        let (name, port) = split_port(&text);
        let bare = name.strip_prefix('*').unwrap_or(name);
        let name = bare.strip_prefix('.');
        Some(Self::Name {
            below_only: name.is_some(),
            name: name.unwrap_or(bare).to_owned(),
            port: port.and_then(|port| port.parse().ok()),
        })
        .filter(|direct| !matches!(direct, Self::Name { name, .. } if name.is_empty()))
    }

    fn covers(&self, host: &str, address: Option<IpAddr>, at: u16) -> bool {
        match self {
            Self::All => true,
            Self::Block(block, bits) => {
                address.is_some_and(|address| same_bits(*block, address, *bits))
            }
            Self::Name {
                name,
                below_only,
                port,
            } => {
                let below = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.ends_with('.'));
                port.is_none_or(|port| port == at) && (below || (!below_only && host == name))
            }
        }
    }
}

fn same_bits(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let same = |a: &[u8], b: &[u8]| {
        (0..usize::from(bits).min(a.len() * 8)).all(|bit| {
            let mask = 0x80 >> (bit % 8);
            a[bit / 8] & mask == b[bit / 8] & mask
        })
    };
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(&a.octets(), &b.octets()),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(&a.octets(), &b.octets()),
        _ => false,
    }
}

/// Host, without brackets, and port of an address.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']').unwrap_or((rest, ""));
        return (host, port.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

fn join(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    fn proxies(pairs: &'static [(&str, &str)]) -> Result<Proxies, BadProxy> {
        Proxies::from_variables(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        })
    }

    #[test]
    fn proxies_are_read_from_variables_in_either_case() {
        let both = proxies(&[
            ("https_proxy", "proxy.example"),
            ("HTTP_PROXY", "http://me:p%40ss@[2001:db8::1]:3128/"),
        ])
        .unwrap();
        let https = both.https("farm.example", 443).unwrap();
        assert_eq!((https.host(), https.port()), ("proxy.example", 80));
        let http = both.http("farm.example", 80).unwrap();
        assert_eq!((http.host(), http.port()), ("2001:db8::1", 3128));
        assert_eq!(http.credentials(), Some(("me", "p@ss")));
        assert!(!format!("{both:?}").contains("p@ss"));
        assert!(
            proxies(&[("HTTPS_PROXY", " ")])
                .unwrap()
                .https("a", 1)
                .is_none()
        );
    }

    #[test]
    fn a_proxy_that_is_not_understood_is_named_without_its_password() {
        for text in [
            "socks5://me:secret@x",
            "http://me:secret@",
            "me:secret@x:port",
        ] {
            let error = Proxy::parse("HTTPS_PROXY", text).unwrap_err().to_string();
            assert!(error.starts_with("HTTPS_PROXY is not"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_proxy_is_honoured() {
        let with = |direct: &'static str| {
            Proxies::from_variables(move |name| match name {
                "HTTPS_PROXY" => Some("proxy:1"),
                "no_proxy" => Some(direct),
                _ => None,
            })
            .unwrap()
        };
        for (direct, host, port, proxied) in [
            ("", "farm.example", 443, true),
            ("", "localhost", 443, false),
            ("", "127.0.0.2", 443, false),
            ("", "[::1]", 443, false),
            ("*", "farm.example", 443, false),
            ("farm.example", "FARM.example", 443, false),
            ("example", "farm.example", 443, false),
            (".example", "farm.example", 443, false),
            ("*.example", "farm.example", 443, false),
            (".farm.example", "farm.example", 443, true),
            ("arm.example", "farm.example", 443, true),
            ("a, farm.example:443", "farm.example", 443, false),
            ("farm.example:80", "farm.example", 443, true),
            ("10.0.0.0/8", "10.200.1.1", 443, false),
            ("10.0.0.0/8", "11.0.0.1", 443, true),
            ("10.0.0.1", "10.0.0.1", 443, false),
            ("10.0.0.1", "10.0.0.2", 443, true),
            ("2001:db8::/32", "2001:db8:1::1", 443, false),
        ] {
            let found = with(direct).https(host, port).is_some();
            assert_eq!(found, proxied, "{direct:?} {host}:{port}");
        }
    }

    /// A proxy that answers with `answer`; returns what it was asked.
    async fn asked(answer: &'static str, credentials: &str) -> (String, io::Result<BoxStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Proxy::parse("X", &format!("{credentials}{address}")).unwrap();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        };
        tokio::join!(serve, proxy.connect("farm.example:443"))
    }

    #[tokio::test]
    async fn a_proxy_is_asked_for_a_connection_with_its_credentials() {
        let (request, opened) = asked("HTTP/1.1 200 OK\r\n\r\n", "me:secret@").await;
        assert_eq!(
            request,
            "CONNECT farm.example:443 HTTP/1.1\r\nHost: farm.example:443\r\n\
             Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n"
        );
        opened.unwrap();
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_or_says_too_much_is_no_way() {
        for (answer, text) in [
            (
                "HTTP/1.1 403 Forbidden\r\n\r\n",
                "answers CONNECT with 403 Forbidden",
            ),
            ("HTTP/1.1 200 OK\r\n\r\nmore", "sends more than"),
            ("nonsense\r\n\r\n", "malformed"),
            ("", "unexpected EOF"),
        ] {
            let error = asked(answer, "").await.1.err().unwrap().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
