//! What a pod shows of itself.
//!
//! Reference: <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>.

use serde_json::{Value, json};

use crate::answer::text;
use crate::clock::second;
use crate::machine::End;

/// The name of the one node.
const NODE: &str = "node-1";
/// The code of what was killed.
const KILLED: i32 = 137;

/// Why a container does not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// As the node words it.
    pub(super) reason: &'static str,
    /// For people.
    pub(super) message: String,
}

/// How far a pod is.
pub(super) enum Step<'a> {
    Unschedulable,
    Scheduled,
    Waiting(&'a Waiting),
    Running,
    Ended(&'a End),
}

impl Step<'_> {
    /// Notes it in the pod.
    pub(super) fn write(&self, pod: &mut Value) {
        match self {
            Self::Unschedulable => {
                let message = "0/1 nodes are available: 1 Insufficient cpu.";
                pod["status"]["conditions"] = json!([{
                    "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "message": message, "lastTransitionTime": second().to_string(),
                }]);
            }
            Self::Scheduled => {
                pod["spec"]["nodeName"] = NODE.into();
                pod["status"]["startTime"] = second().to_string().into();
                pod["status"]["conditions"] = json!([{
                    "type": "PodScheduled", "status": "True",
                    "lastTransitionTime": second().to_string(),
                }]);
            }
            Self::Waiting(why) => {
                container(
                    pod,
                    json!({ "waiting": { "reason": why.reason, "message": why.message } }),
                );
            }
            Self::Running => {
                pod["status"]["phase"] = "Running".into();
                container(
                    pod,
                    json!({ "running": { "startedAt": second().to_string() } }),
                );
            }
            Self::Ended(end) => conclude(pod, end),
        }
    }
}

/// How it ended.
fn conclude(pod: &mut Value, end: &End) {
    let code = match end {
        End::Itself(Ok(status)) => status.code().unwrap_or(KILLED),
        End::Itself(Err(_)) => 128,
        End::Deadline | End::Told => KILLED,
    };
    pod["status"]["phase"] = if code == 0 { "Succeeded" } else { "Failed" }.into();
    match end {
        End::Deadline => {
            pod["status"]["reason"] = "DeadlineExceeded".into();
            pod["status"]["message"] =
                "Pod was active on the node longer than the specified deadline".into();
        }
        End::Told => {
            pod["status"]["reason"] = "Terminated".into();
            pod["status"]["message"] = "Pod was terminated with its node, or deleted.".into();
        }
        End::Itself(Err(error)) => pod["status"]["message"] = error.to_string().into(),
        End::Itself(Ok(_)) => {}
    }
    let begun = text(pod, "/status/containerStatuses/0/state/running/startedAt").to_owned();
    let reason = if code == 0 { "Completed" } else { "Error" };
    container(
        pod,
        json!({ "terminated": {
        "exitCode": code, "reason": reason, "startedAt": begun, "finishedAt": second().to_string(),
    } }),
    );
}

fn container(pod: &mut Value, state: Value) {
    let own = |pointer: &str| text(pod, &format!("/spec/containers/0/{pointer}")).to_owned();
    let running = state.get("running").is_some();
    pod["status"]["containerStatuses"] = json!([{
        "name": own("name"), "image": own("image"), "imageID": "", "ready": running,
        "restartCount": 0, "state": state,
    }]);
}
