//! Where to listen (`buildlet.md` 2.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Value of `--listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// By what kind of machine this is.
    Auto,
    /// Here.
    At(SocketAddr),
}

/// The port of a machine that is no virtual machine.
const PORT: u16 = 5936;

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// A virtual machine of Google's.
    pub on_gce: bool,
    /// Has a certificate.
    pub tls: bool,
    /// Asks for a password.
    pub password: bool,
    /// A Mac.
    pub macos: bool,
}

impl Listen {
    /// The address. A Mac without a password, which listened everywhere in 2019, keeps to itself.
    #[must_use]
    pub fn address(self, facts: Facts) -> SocketAddr {
        let everywhere = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        match (self, facts) {
            (Self::At(address), _) => address,
            (
                Self::Auto,
                Facts {
                    macos: true,
                    password: true,
                    ..
                },
            ) => everywhere(PORT),
            (Self::Auto, Facts { macos: true, .. } | Facts { on_gce: false, .. }) => {
                SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))
            }
            (Self::Auto, Facts { tls: true, .. }) => everywhere(443),
            (Self::Auto, _) => everywhere(80),
        }
    }

    /// Whether only this machine can reach it, whatever it turns out to be.
    #[must_use]
    pub fn is_loopback(self) -> bool {
        matches!(self, Self::At(address) if address.ip().is_loopback())
    }
}

impl FromStr for Listen {
    type Err = String;

    /// `AUTO`, `host:port` where the host is an address, `localhost`, or nothing for all addresses.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "AUTO" {
            return Ok(Self::Auto);
        }
        let bad = || format!("{text:?} is neither AUTO nor ADDRESS:PORT, such as 127.0.0.1:{PORT}");
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        let ip = match host {
            "" => IpAddr::from(Ipv6Addr::UNSPECIFIED),
            "localhost" => Ipv4Addr::LOCALHOST.into(),
            host => host.trim_matches(['[', ']']).parse().map_err(|_| bad())?,
        };
        Ok(Self::At((ip, port).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_2019_and_our_own_are_understood() {
        for (text, address) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("localhost:5936", "127.0.0.1:5936"),
            (":443", "[::]:443"),
            ("[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(text.parse(), Ok(Listen::At(address.parse().unwrap())));
        }
        assert_eq!("AUTO".parse(), Ok(Listen::Auto));
        for bad in ["", "auto", "localhost", "example.org:80", "127.0.0.1:x"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_choice_is_that_of_2019() {
        let none = Facts {
            on_gce: false,
            tls: false,
            password: false,
            macos: false,
        };
        for (facts, address) in [
            (none, "127.0.0.1:5936"),
            (
                Facts {
                    tls: true,
                    password: true,
                    ..none
                },
                "127.0.0.1:5936",
            ),
            (
                Facts {
                    on_gce: true,
                    tls: true,
                    ..none
                },
                "[::]:443",
            ),
            (
                Facts {
                    on_gce: true,
                    ..none
                },
                "[::]:80",
            ),
            (
                Facts {
                    macos: true,
                    password: true,
                    ..none
                },
                "[::]:5936",
            ),
            (
                Facts {
                    macos: true,
                    ..none
                },
                "127.0.0.1:5936",
            ),
        ] {
            assert_eq!(
                Listen::Auto.address(facts).to_string(),
                address,
                "{facts:?}"
            );
        }
    }
}
