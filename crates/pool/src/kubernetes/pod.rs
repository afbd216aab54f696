//! A machine as a pod (API reference, `Pod` and `Secret` of `v1`).

use farm_core::pool::CreateError;
use farm_model::config::Container;
use farm_model::order::MachineSpec;
use serde_json::{Value, json};

use crate::boot::{Boot, CA, KEY};
use crate::make::{Make, refused};
use crate::{DELETE_AT, FARM, HOST};

/// Who the buildlet is: `nonroot` of the images that we make.
const USER: u32 = 65_532;
/// Where key and certificate are.
const SECRETS: &str = "/run/farm";
/// Where builds live: what a container writes elsewhere counts against the node.
const WORK: &str = "/work";
/// Of memory, for each processor.
const GIB_A_CPU: u32 = 3;
/// Where the machine type does not say how many processors it has.
const CPUS: u32 = 2;

/// The pod.
///
/// # Errors
/// It is not a container that was ordered, or one that a pod cannot be.
pub(super) fn of(make: &Make, farm: &str, boot: &Boot) -> Result<Value, CreateError> {
    let container = container(make)?;
    Ok(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": make.order.machine,
            "labels": labels(make, farm),
            "annotations": { DELETE_AT: make.delete_at() },
        },
        "spec": {
            "restartPolicy": "Never",
            // The cluster itself ends it when its time is over, whatever becomes of us.
            "activeDeadlineSeconds": make.seconds(),
            "terminationGracePeriodSeconds": 10,
            // A build has no rights with the cluster.
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [buildlet(make, container, boot)],
            "volumes": [
                { "name": "secrets", "secret": { "secretName": make.order.machine, "defaultMode": 0o440 } },
                { "name": "work", "emptyDir": {} },
            ],
        },
    }))
}

fn container(make: &Make) -> Result<&Container, CreateError> {
    match &make.order.spec {
        MachineSpec::Container(container) if container.nested => Err(refused(
            "a pod has no virtual machines of its own inside: `nested` needs another pool",
        )),
        MachineSpec::Container(_) if make.order.spot => Err(refused(
            "a pod is not taken back by itself: leave `spot` out, and give the pool nodes that are",
        )),
        MachineSpec::Container(container) => Ok(container),
        MachineSpec::Vm(_) => Err(refused(
            "this pool makes containers: give the host type `container`, or another pool",
        )),
    }
}

fn buildlet(make: &Make, container: &Container, boot: &Boot) -> Value {
    let mut args = boot.args(make, SECRETS);
    args.push(format!("--workdir={WORK}"));
    let cpus = cpus(&container.machine);
    let resources = json!({ "cpu": cpus.to_string(), "memory": format!("{}Gi", cpus * GIB_A_CPU) });
    json!({
        "name": "buildlet",
        "image": container.image,
        "args": args,
        "resources": { "requests": resources, "limits": resources },
        "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
        "env": [{ "name": "HOME", "value": WORK }, { "name": "TMPDIR", "value": WORK }],
        "volumeMounts": [
            { "name": "secrets", "mountPath": SECRETS, "readOnly": true },
            { "name": "work", "mountPath": WORK },
        ],
    })
}

/// The secret with the pod's key. It belongs to the pod, and the cluster deletes it with it.
pub(super) fn secret(make: &Make, farm: &str, pod: &str, boot: &Boot) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "immutable": true,
        "metadata": {
            "name": make.order.machine,
            "labels": labels(make, farm),
            "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": make.order.machine, "uid": pod }],
        },
        "stringData": { KEY: make.key, CA: boot.ca() },
    })
}

/// Asks for the end of this very pod, at once: what it builds is of no use any more.
pub(super) fn end(pod: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "DeleteOptions",
        "gracePeriodSeconds": 0, "preconditions": { "uid": pod },
    })
}

fn labels(make: &Make, farm: &str) -> Value {
    json!({ FARM: farm, HOST: label(make.order.host_type.as_str()) })
}

/// A label's value: at most 63, the first and the last a letter or a digit.
fn label(text: &str) -> &str {
    let cut = text.get(..63).unwrap_or(text);
    cut.trim_matches(|c: char| !c.is_ascii_alphanumeric())
}

/// The number at the end of a machine type: `e2-standard-8` has 8.
fn cpus(machine: &str) -> u32 {
    let number = machine.rsplit_once('-').map(|(_, number)| number.parse());
    match number {
        Some(Ok(cpus)) if cpus > 0 => cpus,
        _ => CPUS,
    }
}
