//! `FARM_POOLS`: every pool, and what its machines are told. `docs/machine-pools.md` describes it.

use std::collections::BTreeMap;

use farm_model::id::PoolName;
use serde::Deserialize;

/// Why `FARM_POOLS` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is no JSON, or not of this form.
    #[error("it does not read: {0}; docs/machine-pools.md has its form")]
    Form(#[from] serde_json::Error),
    /// It reads, and cannot be meant.
    #[error("{what}: {rule}")]
    Value {
        /// The field.
        what: String,
        /// What it has to be.
        rule: &'static str,
    },
}

/// All pools of a farm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The farm's name: what its machines are tagged with. Of two farms in one account each needs its own.
    pub farm: String,
    /// Where machines dial in: `hub.example.org:443`.
    pub hub: String,
    /// The hub's certificate or that of who signed it, as PEM; empty: one that everybody knows.
    #[serde(default)]
    pub ca: String,
    /// The name in the hub's certificate, where that is not the one in `hub`.
    #[serde(default)]
    pub server_name: Option<String>,
    /// Where virtual machines load the buildlet; `{buildlet}` stands for what the host type runs (`linux-amd64`).
    pub buildlet: String,
    /// The SHA-256 of what lies there, by buildlet: 64 hex digits. One without is not checked.
    #[serde(default)]
    pub sha256: BTreeMap<String, String>,
    /// The pools.
    pub pools: BTreeMap<PoolName, PoolSettings>,
}

/// One pool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PoolSettings {
    /// Never more machines, of all host types together.
    pub most: u32,
    /// Who makes them.
    #[serde(flatten)]
    pub kind: PoolKind,
}

/// Who makes machines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PoolKind {
    /// Google Compute Engine.
    Gce(GceSettings),
    /// Amazon EC2.
    Ec2(Ec2Settings),
    /// A Kubernetes cluster.
    Kubernetes(KubernetesSettings),
}

/// Virtual machines of Google Compute Engine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GceSettings {
    /// The project.
    pub project: String,
    /// The zones, any of which will do.
    pub zones: Vec<String>,
    /// The network: a name in the project, or a path (`projects/p/global/networks/n`).
    #[serde(default = "default_network")]
    pub network: String,
    /// The part of it, where it is not divided by itself: a path (`regions/r/subnetworks/s`).
    #[serde(default)]
    pub subnetwork: Option<String>,
    /// Whether machines have an address of the internet. One without needs another way to the hub.
    #[serde(default = "yes")]
    pub external_address: bool,
    /// Another address of the API than Google's. It is not told who asks.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// Virtual machines of Amazon EC2.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ec2Settings {
    /// The region.
    pub region: String,
    /// Subnets by zone, any of which will do: `{"eu-west-1a": "subnet-…"}`.
    pub subnets: BTreeMap<String, String>,
    /// Security groups by id; none: the one that the network has for all.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// Another address of the API than Amazon's.
    #[serde(default)]
    pub endpoint: Option<String>,
}

/// Pods of a Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSettings {
    /// The namespace.
    pub namespace: String,
    /// The address of the API; none: that of the cluster which this runs in.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The certificate of the API or of who signed it, as PEM; none: the cluster's where this runs in one, or one that
    /// everybody knows.
    #[serde(default)]
    pub ca: Option<String>,
    /// Who asks; none: the service account of the pod that this runs in, where it has one.
    #[serde(default)]
    pub access: Option<Access>,
}

/// How a cluster knows who asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// It does not.
    Nobody,
    /// By a token in this file, which is read again for each question.
    File(String),
    /// By the Google account that this runs as: a cluster of GKE.
    Google,
    /// By the account of AWS that this runs as: a cluster of EKS.
    Eks(Eks),
}

/// A cluster of EKS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eks {
    /// Where it is.
    pub region: String,
    /// Its name.
    pub cluster: String,
}

fn default_network() -> String {
    "default".to_owned()
}

fn yes() -> bool {
    true
}

impl Settings {
    /// What `text` says.
    ///
    /// # Errors
    /// [`SettingsError`]: it names the field.
    pub fn read(text: &str) -> Result<Self, SettingsError> {
        let settings: Self = serde_json::from_str(text)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        let value = |what: &str, good: bool, rule| match good {
            true => Ok(()),
            false => Err(SettingsError::Value {
                what: what.to_owned(),
                rule,
            }),
        };
        value("farm", is_label(&self.farm), LABEL)?;
        value("hub", is_address(&self.hub), "host:port")?;
        value("buildlet", is_url(&self.buildlet), "an http(s) address")?;
        for (name, digest) in &self.sha256 {
            let good = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            value(&format!("sha256.{name}"), good, "64 hex digits")?;
        }
        for (name, pool) in &self.pools {
            let (field, good, rule) = pool.fault();
            value(&format!("pools.{name}{field}"), good, rule)?;
        }
        Ok(())
    }
}

impl PoolSettings {
    /// The first field that is wrong, or any, with whether it is good.
    fn fault(&self) -> (&'static str, bool, &'static str) {
        if self.most == 0 {
            return (".most", false, "at least 1");
        }
        let some = "at least one";
        match &self.kind {
            PoolKind::Gce(gce) => (".zones", !gce.zones.is_empty(), some),
            PoolKind::Ec2(ec2) => (".subnets", !ec2.subnets.is_empty(), some),
            PoolKind::Kubernetes(pods) => (".namespace", is_label(&pods.namespace), LABEL),
        }
    }
}

const LABEL: &str = "1 to 63 of a-z, 0-9 and '-', the first a letter, the last none of '-'";

/// Whether this can be a label's value and a name with every cloud (RFC 1035, 2.3.1, in lower case).
fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    first && text.len() <= 63 && !text.ends_with('-') && text.bytes().all(plain)
}

fn is_address(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn is_url(text: &str) -> bool {
    ["https://", "http://"]
        .iter()
        .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({
            "farm": "example", "hub": "hub.example.org:443", "buildlet": "https://example.org/buildlet-{buildlet}",
            "pools": {
                "vms": { "kind": "gce", "most": 20, "project": "p", "zones": ["z-a", "z-b"] },
                "spots": { "kind": "ec2", "most": 5, "region": "r", "subnets": { "r-a": "subnet-1" } },
                "pods": { "kind": "kubernetes", "most": 9, "namespace": "builds", "access": { "file": "/token" } },
            },
        })
    }

    fn fault(path: &str, value: Value) -> String {
        let mut settings = good();
        *settings.pointer_mut(path).unwrap() = value;
        Settings::read(&settings.to_string())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn pools_of_every_kind_are_read() {
        let settings = Settings::read(&good().to_string()).unwrap();
        let kind = |name: &str| &settings.pools[&name.parse().unwrap()].kind;
        let PoolKind::Gce(gce) = kind("vms") else {
            panic!("{settings:?}")
        };
        assert_eq!(gce.network, "default");
        assert!(gce.external_address && gce.endpoint.is_none());
        assert!(matches!(kind("spots"), PoolKind::Ec2(_)));
        let PoolKind::Kubernetes(pods) = kind("pods") else {
            panic!("{settings:?}")
        };
        assert_eq!(pods.access, Some(Access::File("/token".to_owned())));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (path, value, field) in [
            ("/farm", json!("Big Farm"), "farm"),
            ("/hub", json!("hub.example.org"), "hub"),
            ("/buildlet", json!("buildlet"), "buildlet"),
            ("/pools/vms/most", json!(0), "pools.vms.most"),
            ("/pools/vms/zones", json!([]), "pools.vms.zones"),
            ("/pools/spots/subnets", json!({}), "pools.spots.subnets"),
            (
                "/pools/pods/namespace",
                json!("a_b"),
                "pools.pods.namespace",
            ),
        ] {
            let fault = fault(path, value);
            assert!(fault.starts_with(&format!("{field}: ")), "{fault}");
        }
        assert!(fault("/pools/vms/kind", json!("azure")).contains("azure"));
    }

    #[test]
    fn a_field_that_is_not_known_is_refused() {
        let mut settings = good();
        settings["pools"]["vms"]["zone"] = json!("z");
        let error = Settings::read(&settings.to_string()).unwrap_err();
        assert!(error.to_string().contains("zone"), "{error}");
    }
}
