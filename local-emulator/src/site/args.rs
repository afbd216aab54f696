//! Where the console is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use anyhow::bail;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ConsoleArgs {
    /// Serve the emulator's page there: a port of 127.0.0.1, or an address
    #[arg(long, value_name = "PORT")]
    console: Option<Place>,
    /// Serve it to other computers too; it shows every message, and has no password
    #[arg(long, requires = "console")]
    console_anywhere: bool,
}

/// An address, or a port of this computer alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(SocketAddr);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = text.parse::<u16>();
        let at = port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        at.or_else(|_| text.parse()).map(Self).map_err(|_| {
            format!("{text:?} is neither a port nor an address such as 127.0.0.1:8086")
        })
    }
}

impl ConsoleArgs {
    /// The address that was asked for.
    ///
    /// # Errors
    /// Others could reach it, and nobody said that they may.
    pub(crate) fn address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let address = self.console.map(|place| place.0);
        if let Some(open) = address.filter(|address| !address.ip().is_loopback())
            && !self.console_anywhere
        {
            bail!(
                "--console {open} is open to other computers, shows every message and has no password: use a port of \
                 127.0.0.1, or say --console-anywhere"
            );
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(place: &str, anywhere: bool) -> anyhow::Result<Option<SocketAddr>> {
        let args = ConsoleArgs {
            console: Some(place.parse().unwrap()),
            console_anywhere: anywhere,
        };
        args.address()
    }

    #[test]
    fn a_port_is_one_of_this_computer() {
        let own = asked("8086", false).unwrap().unwrap();
        assert_eq!(own.to_string(), "127.0.0.1:8086");
        assert_eq!(asked("[::1]:7", false).unwrap().unwrap().port(), 7);
        assert!("here".parse::<Place>().unwrap_err().contains("8086"));
    }

    #[test]
    fn what_others_reach_must_be_asked_for_by_name() {
        let error = asked("0.0.0.0:8086", false).unwrap_err().to_string();
        assert!(error.contains("--console-anywhere"), "{error}");
        assert!(asked("0.0.0.0:8086", true).is_ok());
    }
}
