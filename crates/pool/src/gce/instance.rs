//! A machine, as it is asked for (REST reference of `instances.insert`).

use farm_model::config::Vm;
use serde_json::{Value, json};

use crate::boot::Boot;
use crate::make::Make;
use crate::settings::GceSettings;
use crate::{DELETE_AT, FARM, HOST};

/// The body of an insert.
pub(super) fn of(
    make: &Make,
    vm: &Vm,
    settings: &GceSettings,
    farm: &str,
    zone: &str,
    boot: &Boot,
) -> Value {
    let order = &make.order;
    let mut instance = json!({
        "name": order.machine,
        "description": format!("build machine for {}, made by farmhand", order.host_type),
        "machineType": format!("zones/{zone}/machineTypes/{}", vm.machine),
        "labels": { FARM: farm, HOST: label(order.host_type.as_str()), DELETE_AT: make.delete_at() },
        "metadata": { "items": metadata(make, boot) },
        "disks": [{
            "boot": true,
            "autoDelete": true,
            "initializeParams": { "sourceImage": image(&vm.image, &settings.project) },
        }],
        "networkInterfaces": [network(settings)],
        "scheduling": scheduling(make),
        // A build has no rights with the cloud.
        "serviceAccounts": [],
    });
    if let Some(cpu) = &vm.min_cpu {
        instance["minCpuPlatform"] = json!(cpu);
    }
    instance
}

fn metadata(make: &Make, boot: &Boot) -> Value {
    json!([
        { "key": "startup-script", "value": boot.script(make) },
        // As of 2019, for who looks at machines by hand (`buildlet.md` 2.3).
        { "key": "buildlet-host-type", "value": make.order.host_type },
        { "key": DELETE_AT, "value": make.delete_at() },
    ])
}

/// The cloud itself ends the machine when its time is over, whatever becomes of us.
fn scheduling(make: &Make) -> Value {
    json!({
        "automaticRestart": false,
        "onHostMaintenance": "TERMINATE",
        "provisioningModel": if make.order.spot { "SPOT" } else { "STANDARD" },
        "instanceTerminationAction": "DELETE",
        // It takes no less than half a minute.
        "maxRunDuration": { "seconds": make.seconds().max(30).to_string() },
    })
}

fn network(settings: &GceSettings) -> Value {
    let network = match settings.network.contains('/') {
        true => settings.network.clone(),
        false => format!("global/networks/{}", settings.network),
    };
    let mut interface = json!({ "network": network });
    if let Some(subnetwork) = &settings.subnetwork {
        interface["subnetwork"] = json!(subnetwork);
    }
    if settings.external_address {
        interface["accessConfigs"] = json!([{ "type": "ONE_TO_ONE_NAT", "name": "External NAT" }]);
    }
    interface
}

/// An image of the project, or a path: `projects/debian-cloud/global/images/family/debian-12`.
fn image(image: &str, project: &str) -> String {
    match image.contains('/') {
        true => image.to_owned(),
        false => format!("projects/{project}/global/images/{image}"),
    }
}

/// Labels are lower-case words of at most 63.
fn label(text: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9' | '-' | '_') => c,
        _ => '-',
    };
    text.chars().take(63).map(plain).collect()
}
