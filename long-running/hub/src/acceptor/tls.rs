//! The hub's certificate: given, or made by ourselves for machines that are told to trust it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use farm_wire::tls::Acceptor;
use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::settings::Certificate;

/// What machines are given to trust, in the data folder.
const CERTIFICATE: &str = "hub-cert.pem";
const KEY: &str = "hub-key.pem";
/// For which names the certificate was made.
const NAMES: &str = "hub-cert.names";

/// Opens the certificate of `settings`; a missing self-signed one is made in `data`.
///
/// # Errors
/// A file cannot be read or written, or holds no usable PEM.
pub fn open(settings: &Certificate, data: &Path) -> anyhow::Result<Acceptor> {
    let (certificate, key) = match settings {
        Certificate::Files { certificate, key } => (certificate.clone(), key.clone()),
        Certificate::SelfSigned { names } => self_signed(names, data)?,
    };
    Acceptor::from_pem(&read(&certificate)?, &read(&key)?).with_context(|| {
        format!(
            "cannot use {} with {}",
            certificate.display(),
            key.display()
        )
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The pair in `data`, made anew if there is none for these names.
pub(crate) fn self_signed(names: &[String], data: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (data.join(CERTIFICATE), data.join(KEY));
    let (wanted, made_for) = (names.join("\n"), data.join(NAMES));
    let there = certificate.exists() && key.exists();
    if there && fs::read_to_string(&made_for).is_ok_and(|names| names == wanted) {
        return Ok((certificate, key));
    }
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(names).context("cannot make a certificate")?;
    let write = |path: &Path, text: &str, secret: bool| {
        replace(path, text, secret).with_context(|| format!("cannot write {}", path.display()))
    };
    // The names come last: without them the pair is not taken for complete.
    drop(fs::remove_file(&made_for));
    write(&key, &signing_key.serialize_pem(), true)?;
    write(&certificate, &cert.pem(), false)?;
    write(&made_for, &wanted, false)?;
    tracing::info!(certificate = %certificate.display(), names = %names.join(", "), "made a certificate");
    Ok((certificate, key))
}

/// Writes aside and renames, so that nobody reads half of it; a secret is its owner's alone from the first byte.
fn replace(path: &Path, text: &str, secret: bool) -> io::Result<()> {
    use io::Write;
    let aside = path.with_extension("new");
    drop(fs::remove_file(&aside));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = secret;
    let mut file = options.open(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(aside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_certificate_stays_until_its_names_change() {
        let folder = tempfile::tempdir().unwrap();
        let make = |of: &[&str]| {
            let tls = Certificate::SelfSigned { names: names(of) };
            open(&tls, folder.path()).unwrap();
            fs::read(folder.path().join(CERTIFICATE)).unwrap()
        };
        let first = make(&["localhost", "127.0.0.1"]);
        assert_eq!(make(&["localhost", "127.0.0.1"]), first);
        assert_ne!(make(&["hub.example.org"]), first);
    }

    #[cfg(unix)]
    #[test]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        self_signed(&names(&["localhost"]), folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(KEY))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let tls = Certificate::Files {
            certificate: "/nowhere/cert.pem".into(),
            key: "/nowhere/key.pem".into(),
        };
        let error = open(&tls, Path::new("/")).err().unwrap();
        assert!(
            format!("{error:#}").contains("/nowhere/cert.pem"),
            "{error:#}"
        );
    }
}
