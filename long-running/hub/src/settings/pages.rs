//! What the hub shows, and to whom.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use farm_model::id::HostType;

/// The shortest token that is no invitation to guess it, in bytes.
const SHORTEST: usize = 16;

/// Command line and environment.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct PagesArgs {
    /// Serve pages, metrics and running logs on this address over plain HTTP, without a password: 127.0.0.1:PORT
    #[arg(long, env = "FARM_HUB_ADMIN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Let --admin-listen be an address that other computers reach
    #[arg(
        long,
        env = "FARM_HUB_ADMIN_ANYWHERE",
        requires = "admin_listen",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub admin_anywhere: bool,
    /// File of the bearer token with which /metrics can be read where machines connect, too
    #[arg(long, env = "FARM_METRICS_TOKEN_FILE", value_name = "FILE")]
    pub metrics_token_file: Option<PathBuf>,
    /// How many machines of a host type there should be, for the status pages; may be repeated
    #[arg(
        long = "expect",
        env = "FARM_HUB_EXPECT",
        value_delimiter = ',',
        value_name = "HOST_TYPE=NUMBER",
        value_parser = expected
    )]
    pub expect: Vec<(HostType, usize)>,
}

/// Checked settings of pages. By default there is no admin listener, and nobody reads metrics.
#[derive(Clone, Default)]
pub struct Pages {
    /// Where operators look.
    pub admin: Option<SocketAddr>,
    /// Whether that may be an address that others reach.
    pub admin_anywhere: bool,
    /// What opens `/metrics` on the machines' listener.
    pub metrics_token: Option<String>,
    /// How many machines of a host type there should be.
    pub expect: BTreeMap<HostType, usize>,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("admin", &self.admin)
            .field("admin_anywhere", &self.admin_anywhere)
            .field("metrics_token", &self.metrics_token.as_ref().map(|_| "…"))
            .field("expect", &self.expect)
            .finish()
    }
}

impl PagesArgs {
    pub(super) fn settings(self) -> anyhow::Result<Pages> {
        let token = self.metrics_token_file.as_deref().map(read_token);
        Ok(Pages {
            admin: self.admin_listen,
            admin_anywhere: self.admin_anywhere,
            metrics_token: token.transpose()?,
            expect: self.expect.into_iter().collect(),
        })
    }
}

fn expected(text: &str) -> Result<(HostType, usize), String> {
    let (host_type, number) = text
        .split_once('=')
        .ok_or("it is HOST_TYPE=NUMBER, such as host-rpi4=3")?;
    let host_type = host_type
        .parse()
        .map_err(|error: farm_model::id::IdError| error.to_string())?;
    let number = number
        .parse()
        .map_err(|_| format!("{number:?} is not how many machines there should be"))?;
    Ok((host_type, number))
}

fn read_token(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "cannot read the token for metrics, --metrics-token-file {}",
            file.display()
        )
    })?;
    let token = text.trim();
    if token.len() < SHORTEST {
        bail!(
            "{} must hold the token for metrics: at least {SHORTEST} random characters",
            file.display()
        );
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_machines_are_read_with_their_type() {
        assert_eq!(
            expected("host-rpi4=3").unwrap(),
            ("host-rpi4".parse().unwrap(), 3)
        );
        for wrong in ["host-rpi4", "host rpi4=3", "host-rpi4=many", "=3"] {
            assert!(expected(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_token_is_not_shown() {
        let pages = Pages {
            metrics_token: Some("0123456789abcdef".to_owned()),
            ..Pages::default()
        };
        let shown = format!("{pages:?}");
        assert!(shown.contains("metrics_token: Some("), "{shown}");
        assert!(!shown.contains("0123456789abcdef"), "{shown}");
    }

    #[test]
    fn a_token_that_can_be_guessed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        for weak in ["", " \n", "short"] {
            std::fs::write(&file, weak).unwrap();
            assert!(read_token(&file).is_err(), "{weak:?}");
        }
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        assert_eq!(read_token(&file).unwrap(), "0123456789abcdef");
    }
}
