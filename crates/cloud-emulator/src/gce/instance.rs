//! An instance: what was asked for, and what became of it.

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answer::{Object, number, text};
use crate::machine::Life;

/// Where names of resources begin.
pub(super) const BASE: &str = "https://www.googleapis.com/compute/v1";

/// Which one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) project: String,
    pub(super) zone: String,
    pub(super) name: String,
}

impl Key {
    /// The region of its zone: all before the last hyphen.
    pub(super) fn region(&self) -> &str {
        region_of(&self.zone)
    }
}

/// The region of a zone.
pub(super) fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            project,
            zone,
            name,
        } = self;
        write!(f, "projects/{project}/zones/{zone}/instances/{name}")
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Provisioning,
    Running,
    Stopping,
    /// It is off, and still there.
    Terminated,
}

impl Status {
    /// As the API spells it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Terminated => "TERMINATED",
        }
    }
}

/// One instance.
#[derive(Debug)]
pub(super) struct Instance {
    /// Its id.
    pub(super) number: u64,
    /// As it was asked for; labels as they are.
    pub(super) body: Object,
    pub(super) status: Status,
    pub(super) since: Timestamp,
    pub(super) life: Life,
    /// The process group, while there is one.
    pub(super) group: Option<i32>,
    /// Changes with the labels.
    pub(super) labelled: u64,
}

impl Instance {
    pub(super) fn new(number: u64, body: Object, since: Timestamp) -> Self {
        Self {
            number,
            body,
            status: Status::Provisioning,
            since,
            life: Life::new(),
            group: None,
            labelled: 1,
        }
    }

    /// Processors of its machine type.
    pub(super) fn cpus(&self) -> u64 {
        let machine_type = self.body.get("machineType").and_then(Value::as_str);
        cpus_of(machine_type.unwrap_or_default())
    }

    /// The fingerprint of its labels.
    pub(super) fn fingerprint(&self) -> String {
        format!("labels-{}", self.labelled)
    }

    /// As the API shows it.
    pub(super) fn view(&self, key: &Key) -> Value {
        let mut view = Value::Object(self.body.clone());
        let own = json!({
            "kind": "compute#instance",
            "id": self.number.to_string(),
            "name": key.name,
            "zone": format!("{BASE}/projects/{}/zones/{}", key.project, key.zone),
            "selfLink": format!("{BASE}/{key}"),
            "creationTimestamp": self.since.to_string(),
            "status": self.status.name(),
            "labelFingerprint": self.fingerprint(),
        });
        if let (Value::Object(view), Value::Object(own)) = (&mut view, own) {
            view.extend(own);
        }
        view
    }
}

/// The value of a key of its metadata.
pub(super) fn metadata<'a>(body: &'a Object, key: &str) -> Option<&'a str> {
    let items = body.get("metadata")?.get("items")?.as_array()?;
    let item = items.iter().find(|item| text(item, "/key") == key)?;
    item.get("value")?.as_str()
}

/// What its `scheduling` says.
pub(super) struct Scheduling {
    /// It may be taken back.
    pub(super) spot: bool,
    /// It is deleted where others are only switched off.
    pub(super) delete: bool,
    /// Seconds that it may run.
    pub(super) most: Option<u64>,
}

impl Scheduling {
    pub(super) fn of(body: &Object) -> Self {
        let scheduling = body.get("scheduling").unwrap_or(&Value::Null);
        Self {
            spot: text(scheduling, "/provisioningModel") == "SPOT"
                || scheduling["preemptible"] == true,
            delete: text(scheduling, "/instanceTerminationAction") == "DELETE",
            most: number(scheduling, "/maxRunDuration/seconds"),
        }
    }
}

/// Processors of a machine type: the number at its end, for custom types the one before; small ones share two.
fn cpus_of(machine_type: &str) -> u64 {
    let name = machine_type
        .rsplit_once('/')
        .map_or(machine_type, |(_, name)| name);
    let mut parts = name.rsplit('-');
    let number = if name.contains("custom-") {
        parts.nth(1)
    } else {
        parts.next()
    };
    number.and_then(|number| number.parse().ok()).unwrap_or(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_type_says_how_many_processors_it_has() {
        let types = [
            ("zones/z/machineTypes/n2-standard-8", 8),
            ("e2-micro", 2),
            ("n2-custom-6-3072", 6),
        ];
        for (name, cpus) in types {
            assert_eq!(cpus_of(name), cpus, "{name}");
        }
    }
}
