//! The one line to run on a new machine.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use farm_model::machine::MachineRecord;
use serde::Serialize;

use super::mint::Minted;
use super::place::PlaceArgs;
use crate::session::Session;

/// What `farm up` writes into its data folder while it runs.
const NOTE: &str = "hub-address";
/// The certificate of its hub.
const CERTIFICATE: &str = "hub/hub-cert.pem";
/// A name in it.
const NAME: &str = "localhost";

/// How the machine finds the hub.
#[derive(Debug, Clone, clap::Args)]
pub struct HubArgs {
    /// Where the machine finds the hub [default: that of the running `farm up` of the data folder]
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    hub: Option<String>,
    /// Certificate (PEM) that the machine trusts instead of the public ones [default for a farm in the data folder: its own]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name in the hub's certificate [default: the host of --hub]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
}

/// The hub as the machine is told of it.
pub struct Hub {
    address: String,
    ca: Option<String>,
    server_name: Option<String>,
}

/// The document of `--json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    record: &'a MachineRecord,
    key: &'a str,
    coordinator: &'a str,
    ca: Option<&'a str>,
    server_name: Option<&'a str>,
    line: String,
}

impl HubArgs {
    /// Everything that the line needs of the hub: looked for before anything is recorded.
    ///
    /// # Errors
    /// It is not said where the hub is, or its certificate cannot be read.
    pub fn read(&self, place: &PlaceArgs) -> anyhow::Result<Hub> {
        let folder = place.folder();
        let noted = || {
            let note = std::fs::read_to_string(folder?.join(NOTE)).ok()?;
            address(note.trim()).ok()
        };
        let Some(address) = self.hub.clone().or_else(noted) else {
            bail!("where is the hub? `farm up` does not run in this folder: give --hub HOST:PORT")
        };
        let own = folder.map(|folder| folder.join(CERTIFICATE));
        let own = own.filter(|path| self.ca.is_none() && path.exists());
        let ca = self.ca.as_ref().or(own.as_ref()).map(|path| read(path));
        let name = own.is_some().then(|| NAME.to_owned());
        Ok(Hub {
            address,
            ca: ca.transpose()?,
            server_name: self.server_name.clone().or(name),
        })
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let pem = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the certificate in {}", path.display()))?;
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        bail!("{} holds no certificate (PEM)", path.display());
    }
    Ok(pem)
}

/// Prints the line, or the document, and says beside it what it is for. The key goes nowhere else.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(
    session: &mut Session,
    record: &MachineRecord,
    minted: &Minted,
    hub: &Hub,
    json: bool,
) -> anyhow::Result<()> {
    let line = line(record, &minted.key, hub);
    let day = minted.expires.strftime("%Y-%m-%d");
    session.note(&format!(
        "{} ({}), key {} until {day}; run this line on it, as the user that builds:",
        record.name, record.host_type, record.key_id
    ));
    if hub.is_local() {
        session.note(
            "the hub listens on this computer alone: for machines elsewhere, `farm up --hub 0.0.0.0:8119` and --hub HOST:PORT here",
        );
    }
    if !json {
        return session.print(&line);
    }
    let document = Document {
        record,
        key: &minted.key,
        coordinator: &hub.address,
        ca: hub.ca.as_deref(),
        server_name: hub.server_name.as_deref(),
        line,
    };
    session.print(&serde_json::to_string(&document)?)
}

impl Hub {
    fn is_local(&self) -> bool {
        let host = self.address.rsplit_once(':').map_or("", |(host, _)| host);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = |ip: std::net::IpAddr| ip.is_loopback() || ip.is_unspecified();
        bare == "localhost" || bare.parse().is_ok_and(loopback)
    }
}

/// For any POSIX shell. Files are made anew, so that nobody can have opened them before; builds keep the user's umask.
fn line(record: &MachineRecord, key: &str, hub: &Hub) -> String {
    let name = record.name.as_str();
    let file = |what: &str| format!("\"$HOME\"/.config/farm/{name}.{what}");
    let (key_file, ca_file) = (file("key"), file("ca.pem"));
    let mut files = format!(
        "mkdir -p \"$HOME\"/.config/farm && rm -f {key_file} && printf '%s\\n' {} > {key_file}",
        quoted(key)
    );
    let mut command = format!(
        "buildlet --coordinator {} --reverse-type {} --hostname {} --key-file {key_file}",
        quoted(&hub.address),
        quoted(record.host_type.as_str()),
        quoted(name)
    );
    if let Some(ca) = &hub.ca {
        let text = ca.trim().replace('\r', "").replace('\n', "\\n");
        files += &format!(
            " && rm -f {ca_file} && printf '%b\\n' {} > {ca_file}",
            quoted(&text)
        );
        command += &format!(" --ca {ca_file}");
    }
    if let Some(server_name) = &hub.server_name {
        command += &format!(" --server-name {}", quoted(server_name));
    }
    format!("(umask 077 && {files}) && {command}")
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `--hub`.
fn address(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(1..)) if !text.contains(char::is_whitespace) => Ok(text.to_owned()),
        _ => Err("write HOST:PORT, as in hub.example.org:8119".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["hub:8119", "[::1]:8119", "10.0.0.1:1"] {
            assert_eq!(address(good), Ok(good.to_owned()));
        }
        for bad in ["", "hub", ":8119", "hub:", "hub:0", "hub:99999", "a b:1"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_cannot_leave_their_quotes() {
        assert_eq!(quoted("hub.example.org:8119"), "hub.example.org:8119");
        assert_eq!(quoted("a'; rm -rf /"), r"'a'\''; rm -rf /'");
        assert_eq!(quoted(""), "''");
    }
}
