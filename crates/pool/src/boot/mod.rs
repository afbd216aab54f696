//! What a virtual machine does first: the script in `boot.sh`, with what this machine is told before it.

use std::fmt::Write;

use farm_model::order::MachineSpec;

use crate::make::Make;
use crate::settings::Settings;

const SCRIPT: &str = include_str!("boot.sh");

/// What all machines of a farm are told.
#[derive(Debug, Clone)]
pub struct Boot {
    hub: String,
    server_name: Option<String>,
    ca: String,
    buildlet: String,
    sha256: std::collections::BTreeMap<String, String>,
}

impl Boot {
    /// As `settings` say.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            hub: settings.hub.clone(),
            server_name: settings.server_name.clone(),
            ca: settings.ca.clone(),
            buildlet: settings.buildlet.clone(),
            sha256: settings.sha256.clone(),
        }
    }

    /// The script that the machine runs when it starts. It holds the machine's key.
    pub(crate) fn script(&self, make: &Make) -> String {
        let buildlet = make.buildlet();
        let url = self.buildlet.replace("{buildlet}", buildlet);
        let digest = self.sha256.get(buildlet).map_or("", String::as_str);
        let mut script = "#!/bin/sh\n".to_owned();
        for (name, value) in [
            ("hub", self.hub.as_str()),
            ("server_name", self.server_name.as_deref().unwrap_or("")),
            ("ca", self.ca.as_str()),
            ("url", url.as_str()),
            ("sha256", digest),
            ("host_type", make.order.host_type.as_str()),
            ("machine", make.order.machine.as_str()),
            ("key", make.key.as_str()),
            ("delete_at", make.delete_at().as_str()),
        ] {
            // Writing to a string does not fail.
            let _ = writeln!(script, "{name}={}", quoted(value));
        }
        script.push_str(SCRIPT);
        script
    }

    /// What a container's buildlet is started with. Key and certificate are files in the folder `secrets`.
    pub(crate) fn args(&self, make: &Make, secrets: &str) -> Vec<String> {
        let mut args = vec![
            format!("--coordinator={}", self.hub),
            format!("--reverse-type={}", make.order.host_type),
            format!("--hostname={}", make.order.machine),
            format!("--key-file={secrets}/{KEY}"),
        ];
        if !self.ca.is_empty() {
            args.push(format!("--ca={secrets}/{CA}"));
        }
        args.extend(
            self.server_name
                .iter()
                .map(|name| format!("--server-name={name}")),
        );
        args
    }

    /// The certificate that machines believe; empty: one that everybody knows.
    pub(crate) fn ca(&self) -> &str {
        &self.ca
    }
}

/// The file with a container's key.
pub(crate) const KEY: &str = "key";
/// The file with the certificate that it believes.
pub(crate) const CA: &str = "ca.pem";

/// The virtual machine that is ordered, if it is one.
pub(crate) fn vm(make: &Make) -> Result<&farm_model::config::Vm, farm_core::pool::CreateError> {
    match &make.order.spec {
        MachineSpec::Vm(vm) => Ok(vm),
        MachineSpec::Container(_) => Err(crate::make::refused(
            "this pool makes virtual machines: give the host type `vm`, or a pool of Kubernetes",
        )),
    }
}

/// One word for a shell, whatever is in it (POSIX.1-2024, Shell Command Language, 2.2.2).
fn quoted(text: &str) -> String {
    // A shell's text ends at a NUL; there is no way to write one.
    let text = text.replace('\0', "").replace('\'', r"'\''");
    format!("'{text}'")
}

#[cfg(test)]
mod tests;
