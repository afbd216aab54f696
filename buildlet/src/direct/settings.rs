//! Password and certificate of direct mode, from flags, variables or metadata (`buildlet.md` 2.3 and 2.6).

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};
use farm_wire::tls::Acceptor;

use super::listen::{Facts, Listen};
use crate::Args;
use crate::metadata::Metadata;
use crate::vars::Vars;

/// How this machine serves.
pub struct Settings {
    /// Where.
    pub address: SocketAddr,
    /// What callers must know.
    pub password: Option<String>,
    /// With TLS, if it has a certificate.
    pub tls: Option<Acceptor>,
    /// What else this machine may be told; not looked for where flags say everything.
    pub metadata: Metadata,
}

impl Settings {
    /// Reads everything. The network is asked only for what flags leave open.
    ///
    /// # Errors
    /// Something named cannot be read, or others could reach this machine without a password.
    pub async fn of(args: &Args, vars: &Vars) -> anyhow::Result<Self> {
        let listen = args.listen.unwrap_or(Listen::Auto);
        let (password, pair) = (password(args)?, pair(args)?);
        let complete = listen.is_loopback()
            || (listen != Listen::Auto && password.is_some() && pair.is_some());
        let metadata = if complete {
            Metadata::of_variables(vars)
        } else {
            Metadata::detect(vars).await
        };
        let password = match password {
            Some(password) => Some(password),
            None => metadata.get("password").await?,
        };
        let pair = match pair {
            Some(pair) => Some(pair),
            None => pair_of(
                metadata.get("tls-cert").await?,
                metadata.get("tls-key").await?,
            )?,
        };
        let tls = pair.map(|pair| pair.acceptor()).transpose()?;
        let address = listen.address(Facts {
            on_gce: metadata.on_gce(),
            tls: tls.is_some(),
            password: password.is_some(),
            macos: cfg!(target_os = "macos"),
        });
        if !address.ip().is_loopback() && password.is_none() {
            bail!(
                "--listen {address} can be reached from outside; give --password-file, or listen on 127.0.0.1"
            );
        }
        Ok(Self {
            address,
            password,
            tls,
            metadata,
        })
    }
}

/// Certificate and key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    /// As in 2019 without ALPN: HTTP/1.1 is all there is.
    fn acceptor(&self) -> anyhow::Result<Acceptor> {
        Acceptor::without_alpn(self.certificate.as_bytes(), self.key.as_bytes())
            .context("certificate and key of direct mode cannot be used")
    }
}

fn pair_of(certificate: Option<String>, key: Option<String>) -> anyhow::Result<Option<Pair>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(Pair { certificate, key })),
        (None, None) => Ok(None),
        (Some(_), None) => bail!("there is a tls-cert, but no tls-key; set both or neither"),
        (None, Some(_)) => bail!("there is a tls-key, but no tls-cert; set both or neither"),
    }
}

/// The files that flags name; clap sees to it that there are both or none.
fn pair(args: &Args) -> anyhow::Result<Option<Pair>> {
    let text = |path: &Option<_>| path.as_deref().map(read).transpose();
    pair_of(text(&args.tls_cert)?, text(&args.tls_key)?)
}

/// From a flag, or from `META_password`, which clap has read: a value that begins with `@` names a file.
fn password(args: &Args) -> anyhow::Result<Option<String>> {
    let given = args.password.as_deref().filter(|text| !text.is_empty());
    let file = match (
        &args.password_file,
        given.map(|text| text.strip_prefix('@')),
    ) {
        (Some(file), _) => file.clone(),
        (None, Some(Some(file))) => file.into(),
        (None, Some(None)) => return Ok(given.map(str::to_owned)),
        (None, None) => return Ok(None),
    };
    match read(&file)?.trim() {
        "" => bail!("{} holds no password", file.display()),
        text => Ok(Some(text.to_owned())),
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
