//! Which queue is meant.

use std::fmt;
use std::str::FromStr;

/// Where events go: `pubsub://PROJECT`, `pubsub://PROJECT?endpoint=http://HOST:PORT`, `aws://REGION`, and after a `?` for AWS,
/// joined by `&`: `endpoint=http://HOST:PORT`, `prefix=NAME` (what queues' and topics' names begin with; `farm`),
/// `account=NUMBER` (whose topics; without it the service is asked who we are), `ensure=make` or `ensure=verify` (whether
/// missing queues are made: with a plain-text endpoint they are, else not).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusUrl(pub(crate) Place);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    PubSub {
        project: String,
        endpoint: Option<Endpoint>,
    },
    Aws(Aws),
}

/// One account's queues in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Aws {
    pub(crate) region: String,
    pub(crate) endpoint: Option<Endpoint>,
    /// What the names of all topics and queues begin with, before a `-`.
    pub(crate) prefix: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) ensure: Option<Ensure>,
}

/// What is done about topics and queues that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ensure {
    Make,
    Verify,
}

/// A server that is not the service's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `http://HOST:PORT` or `https://HOST`, without a path.
    pub(crate) url: String,
    /// The address of a plain-text server: an emulator, or something like it.
    pub(crate) plain: Option<String>,
}

/// A text is no address of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no bus: {rule}; write pubsub://PROJECT, or pubsub://PROJECT?endpoint=http://HOST:PORT for an emulator, or aws://REGION"
)]
pub struct BusUrlError {
    text: String,
    rule: &'static str,
}

impl FromStr for BusUrl {
    type Err = BusUrlError;

    fn from_str(text: &str) -> Result<Self, BusUrlError> {
        place(text).map(Self).map_err(|rule| BusUrlError {
            text: text.to_owned(),
            rule,
        })
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::PubSub {
                project,
                endpoint: None,
            } => write!(f, "pubsub://{project}"),
            Place::PubSub {
                project,
                endpoint: Some(endpoint),
            } => write!(f, "pubsub://{project}?endpoint={}", endpoint.url),
            Place::Aws(aws) => aws.fmt(f),
        }
    }
}

impl fmt::Display for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ensure = self.ensure.map(|ensure| match ensure {
            Ensure::Make => "make",
            Ensure::Verify => "verify",
        });
        let parts = [
            ("endpoint", self.endpoint.as_ref().map(|e| e.url.as_str())),
            ("prefix", self.prefix.as_deref()),
            ("account", self.account.as_deref()),
            ("ensure", ensure),
        ];
        write!(f, "aws://{}", self.region)?;
        let given = parts
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        for (n, (name, value)) in given.enumerate() {
            write!(f, "{}{name}={value}", if n == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

fn place(text: &str) -> Result<Place, &'static str> {
    match text.split_once("://") {
        Some(("pubsub", rest)) => pubsub(rest),
        Some(("aws", rest)) => aws(rest).map(Place::Aws),
        _ => Err("it begins with neither pubsub:// nor aws://"),
    }
}

fn pubsub(rest: &str) -> Result<Place, &'static str> {
    let (project, query) = match rest.split_once('?') {
        Some((project, query)) => (project, Some(query)),
        None => (rest, None),
    };
    if !project.split([':', '.']).all(is_name) {
        return Err("a project is letters, digits and '-'");
    }
    let endpoint = query.map(|query| match query.split_once('=') {
        Some(("endpoint", url)) => endpoint(url),
        _ => Err("the only thing after '?' is endpoint=http://HOST:PORT"),
    });
    Ok(Place::PubSub {
        project: project.to_owned(),
        endpoint: endpoint.transpose()?,
    })
}

fn aws(rest: &str) -> Result<Aws, &'static str> {
    let (region, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !is_name(region) {
        return Err("a region is letters, digits and '-'");
    }
    let mut aws = Aws {
        region: region.to_owned(),
        endpoint: None,
        prefix: None,
        account: None,
        ensure: None,
    };
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("endpoint", url)) => aws.endpoint = Some(endpoint(url)?),
            Some(("prefix", name)) if is_name(name) && name.len() <= MAX_PREFIX => {
                aws.prefix = Some(name.to_owned());
            }
            Some(("prefix", _)) => return Err("a prefix is at most 20 letters, digits and '-'"),
            Some(("account", number)) if is_account(number) => {
                aws.account = Some(number.to_owned());
            }
            Some(("account", _)) => return Err("an account is 12 digits"),
            Some(("ensure", "make")) => aws.ensure = Some(Ensure::Make),
            Some(("ensure", "verify")) => aws.ensure = Some(Ensure::Verify),
            _ => {
                return Err("after '?' there may be endpoint, prefix, account, ensure=make|verify");
            }
        }
    }
    Ok(aws)
}

/// A queue's name has at most 80 characters.
const MAX_PREFIX: usize = 20;

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn endpoint(url: &str) -> Result<Endpoint, &'static str> {
    const RULE: &str = "an endpoint is http://HOST:PORT or https://HOST, without a path";
    let url = url.strip_suffix('/').unwrap_or(url);
    let (scheme, host) = url.split_once("://").ok_or(RULE)?;
    if host.is_empty() || host.contains(['/', '?', '#', '&', '@', ' ']) {
        return Err(RULE);
    }
    let plain = match scheme {
        "http" if has_port(host) => Some(host.to_owned()),
        "http" => Some(format!("{host}:80")),
        "https" => None,
        _ => return Err(RULE),
    };
    Ok(Endpoint {
        url: url.to_owned(),
        plain,
    })
}

fn has_port(host: &str) -> bool {
    // The colons of an IPv6 address stand in brackets.
    let after = host.rsplit_once(']').map_or(host, |(_, after)| after);
    after.contains(':')
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_their_text() {
        for text in [
            "pubsub://my-project",
            "pubsub://example.com:my-project",
            "pubsub://farm?endpoint=http://127.0.0.1:8085",
            "pubsub://farm?endpoint=https://pubsub.example.org",
            "aws://eu-west-1",
            "aws://eu-west-1?endpoint=http://127.0.0.1:4566&prefix=farm",
            "aws://eu-west-1?prefix=ours&account=123456789012&ensure=verify",
        ] {
            assert_eq!(text.parse::<BusUrl>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        for bad in [
            "",
            "kafka://x",
            "pubsub://",
            "pubsub://a b",
            "pubsub://a?x=1",
            "pubsub://a?endpoint=127.0.0.1:8085",
            "pubsub://a?endpoint=http://h/path",
            "pubsub://a?endpoint=http://user@h:1",
            "aws://",
            "aws://eu-west-1?x=1",
            "aws://eu-west-1?account=1",
            "aws://eu-west-1?prefix=a.b",
            "aws://eu-west-1?ensure=maybe",
        ] {
            let error = bad.parse::<BusUrl>().unwrap_err().to_string();
            assert!(error.contains("pubsub://PROJECT"), "{error}");
        }
    }

    #[test]
    fn a_plain_endpoint_has_an_address_to_connect_to() {
        let plain = |url: &str| endpoint(url).unwrap().plain;
        assert_eq!(plain("http://h:1/").as_deref(), Some("h:1"));
        assert_eq!(plain("http://h").as_deref(), Some("h:80"));
        assert_eq!(plain("http://[::1]").as_deref(), Some("[::1]:80"));
        assert_eq!(plain("http://[::1]:9").as_deref(), Some("[::1]:9"));
        assert_eq!(plain("https://h"), None);
    }
}
