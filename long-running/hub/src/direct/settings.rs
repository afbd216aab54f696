//! Which machines the hub dials.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use farm_model::id::{HostType, MachineName};
use farm_wire::stream::{Connect, TcpConnect};
use farm_wire::tls::{TlsConnect, Trust};
use serde::Deserialize;

/// A machine at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectMachine {
    /// The name it goes by.
    pub name: MachineName,
    /// What it is.
    pub host_type: HostType,
    /// `host:port` of its buildlet.
    pub address: String,
    /// What it wants to be told.
    pub password: Option<Password>,
    /// The certificate (PEM) whose key it must have; without one it is spoken to in the clear.
    pub certificate: Option<Vec<u8>>,
}

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// `--direct-file`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    machine: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    name: MachineName,
    host_type: HostType,
    address: String,
    password_file: Option<PathBuf>,
    certificate: Option<PathBuf>,
}

/// The machines of `--direct` and `--direct-file`.
///
/// # Errors
/// Names the one that is wrong, and what to write.
pub fn read(given: &[String], file: Option<&Path>) -> anyhow::Result<Vec<DirectMachine>> {
    let mut machines = given
        .iter()
        .map(|text| parse(text))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(file) = file {
        let read = || format!("cannot use --direct-file {}", file.display());
        machines.extend(listed(file).with_context(read)?);
    }
    let mut names = BTreeSet::new();
    for machine in &machines {
        check_address(machine).with_context(|| format!("the machine {}", machine.name))?;
        if !names.insert(&machine.name) {
            bail!("two machines to dial are named {}", machine.name);
        }
    }
    Ok(machines)
}

/// `NAME=HOST_TYPE@HOST:PORT`.
fn parse(text: &str) -> anyhow::Result<DirectMachine> {
    let form = || {
        format!(
            "--direct {text}: write NAME=HOST_TYPE@HOST:PORT, as in vm1=linux-amd64@10.0.0.5:80"
        )
    };
    let (name, rest) = text.split_once('=').with_context(form)?;
    let (host_type, address) = rest.split_once('@').with_context(form)?;
    Ok(DirectMachine {
        name: name.parse().with_context(form)?,
        host_type: host_type.parse().with_context(form)?,
        address: address.to_owned(),
        password: None,
        certificate: None,
    })
}

fn listed(file: &Path) -> anyhow::Result<Vec<DirectMachine>> {
    let text = std::fs::read_to_string(file)?;
    let document: Document = toml::from_str(&text)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let read = |entry: Entry| -> anyhow::Result<DirectMachine> {
        let named = |path: &Path| format!("{} of the machine {}", path.display(), entry.name);
        let bytes = |path: &PathBuf| {
            let path = folder.join(path);
            std::fs::read(&path).with_context(|| format!("cannot read {}", named(&path)))
        };
        let password = entry.password_file.as_ref().map(bytes).transpose()?;
        let password = password.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        if password.as_deref() == Some("") {
            bail!("the password of the machine {} is empty", entry.name);
        }
        Ok(DirectMachine {
            certificate: entry.certificate.as_ref().map(bytes).transpose()?,
            password: password.map(Password),
            name: entry.name,
            host_type: entry.host_type,
            address: entry.address,
        })
    };
    document.machine.into_iter().map(read).collect()
}

fn check_address(machine: &DirectMachine) -> anyhow::Result<()> {
    let (host, port) = machine.address.rsplit_once(':').unwrap_or_default();
    if host.is_empty() || port.parse::<u16>().is_err() {
        bail!("{:?} is no address: write HOST:PORT", machine.address);
    }
    machine.connect().map(drop)
}

impl DirectMachine {
    /// What opens connections to it.
    ///
    /// # Errors
    /// The certificate is none.
    pub fn connect(&self) -> anyhow::Result<Arc<dyn Connect>> {
        Ok(match &self.certificate {
            None => Arc::new(TcpConnect::new(&self.address)),
            Some(pem) => {
                let trust = Trust::Pinned(pem.clone());
                let tls = TlsConnect::new(&self.address, Some("localhost"), &trust);
                Arc::new(tls.context("cannot use the certificate")?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_written_on_one_line() {
        let machines = read(&["vm1=linux-amd64@10.0.0.5:80".to_owned()], None).unwrap();
        let [vm] = &machines[..] else { panic!() };
        assert_eq!(
            (vm.name.as_str(), vm.host_type.as_str()),
            ("vm1", "linux-amd64")
        );
        assert_eq!((vm.address.as_str(), &vm.password), ("10.0.0.5:80", &None));
        for bad in [
            "vm1",
            "vm1=linux",
            "=l@h:1",
            "vm1=l@h",
            "vm1=l@:1",
            "a/b=l@h:1",
        ] {
            let error = read(&[bad.to_owned()], None).unwrap_err();
            assert!(format!("{error:#}").contains("HOST:PORT"), "{error:#}");
        }
        let twice = ["a=l@h:1".to_owned(), "a=l@h:2".to_owned()];
        let error = read(&twice, None).unwrap_err().to_string();
        assert!(error.contains("two machines"), "{error}");
    }

    #[test]
    fn a_file_names_passwords_and_certificates_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        write("vm.pem", &made.cert.pem());
        write("vm.password", "secret\n");
        let good = "[[machine]]\nname = 'vm1'\nhost-type = 'linux'\naddress = '10.0.0.5:443'\n\
                    password-file = 'vm.password'\ncertificate = 'vm.pem'\n";
        let file = write("direct.toml", good);
        let machines = read(&[], Some(&file)).unwrap();
        assert_eq!(machines[0].password, Some(Password("secret".to_owned())));
        assert!(machines[0].certificate.is_some());
        assert!(!format!("{machines:?}").contains("secret"));
        for (from, to, said) in [
            ("vm.password", "none", "none"),
            ("vm.pem", "vm.password", "certificate"),
            ("host-type", "type", "type"),
            ("10.0.0.5:443", "10.0.0.5", "HOST:PORT"),
        ] {
            let file = write("bad.toml", &good.replace(from, to));
            let error = read(&[], Some(&file)).unwrap_err();
            assert!(format!("{error:#}").contains(said), "{error:#}");
        }
    }
}
