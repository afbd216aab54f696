//! Which queue is meant.

use std::fmt;
use std::str::FromStr;

/// Where events go: `pubsub://PROJECT`, `pubsub://PROJECT?endpoint=http://HOST:PORT`, `aws://REGION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusUrl(pub(crate) Place);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    PubSub {
        project: String,
        endpoint: Option<Endpoint>,
    },
    Aws {
        region: String,
    },
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
    "{text:?} is no bus: {rule}; write pubsub://PROJECT, or pubsub://PROJECT?endpoint=http://HOST:PORT for an emulator"
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
            Place::Aws { region } => write!(f, "aws://{region}"),
        }
    }
}

fn place(text: &str) -> Result<Place, &'static str> {
    match text.split_once("://") {
        Some(("pubsub", rest)) => pubsub(rest),
        Some(("aws", region)) if is_name(region) => Ok(Place::Aws {
            region: region.to_owned(),
        }),
        Some(("aws", _)) => Err("a region is letters, digits and '-'"),
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
