//! What EC2 says, which is XML.

use farm_core::pool::{CreateError, Found, Mark};
use farm_model::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{ALIVE, cause};
use crate::http::Answer;
use crate::{DELETE_AT, FARM};

/// What an answer says.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, String> {
    let text = String::from_utf8_lossy(&answer.body);
    quick_xml::de::from_str(&text).map_err(|error| format!("its answer does not read: {error}"))
}

/// Items of a set.
#[derive(Debug, Deserialize)]
struct Set<T> {
    #[serde(default = "Vec::new")]
    item: Vec<T>,
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self { item: Vec::new() }
    }
}

/// A page of machines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    #[serde(default)]
    reservation_set: Set<Ran>,
    #[serde(default)]
    next_token: Option<String>,
}

/// Machines that were asked for together.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ran {
    #[serde(default)]
    instances_set: Set<Instance>,
}

/// A machine, as far as we look at it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    instance_id: String,
    instance_state: State,
    launch_time: Timestamp,
    #[serde(default)]
    placement: Placement,
    #[serde(default)]
    tag_set: Set<Tag>,
}

#[derive(Debug, Deserialize)]
struct State {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placement {
    #[serde(default)]
    availability_zone: String,
}

#[derive(Debug, Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl Described {
    /// How to ask for the next page, if there is one.
    pub(super) fn next(&self) -> Option<String> {
        self.next_token.clone().filter(|token| !token.is_empty())
    }

    pub(super) fn instances(self) -> impl Iterator<Item = Instance> {
        let all = self.reservation_set.item.into_iter();
        all.flat_map(|reservation| reservation.instances_set.item)
    }
}

impl Ran {
    pub(super) fn first(&self) -> Option<&Instance> {
        self.instances_set.item.first()
    }
}

impl Instance {
    pub(super) fn id(&self) -> &str {
        &self.instance_id
    }

    pub(super) fn is_alive(&self) -> bool {
        ALIVE.contains(&self.instance_state.name.as_str())
    }

    /// Zone and id: names are not told apart by the service, so there may be two in one zone.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.placement.availability_zone, self.instance_id)
    }

    fn tag(&self, key: &str) -> Option<&str> {
        let tag = self.tag_set.item.iter().find(|tag| tag.key == key);
        tag.map(|tag| tag.value.as_str())
    }

    /// What a pool says of it; nothing of what a farm would never name so.
    pub(super) fn found(&self, farm: &str) -> Option<Found> {
        let until = self.tag(DELETE_AT).and_then(|at| at.parse().ok());
        Some(Found {
            name: self.tag("Name")?.parse().ok()?,
            place: self.place(),
            since: self.launch_time,
            mark: match self.tag(FARM) == Some(farm) {
                true => Mark::Ours,
                false => Mark::Foreign,
            },
            until: until.and_then(|at| Timestamp::from_second(at).ok()),
            ended: self.instance_state.name == "stopped",
        })
    }
}

/// A call that was not done.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Response {
    errors: Errors,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Errors {
    error: Refusal,
}

/// Why it was not.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Refusal {
    code: String,
    message: String,
}

impl Refusal {
    pub(super) fn of(answer: &Answer) -> Self {
        read::<Response>(answer).unwrap_or_default().errors.error
    }

    /// The token was used for another call.
    pub(super) fn is_repeated(&self) -> bool {
        self.code == "IdempotentParameterMismatch"
    }

    /// There is no such machine.
    pub(super) fn is_gone(&self) -> bool {
        self.code == "InvalidInstanceID.NotFound"
    }

    pub(super) fn sorted(self, answer: &Answer) -> CreateError {
        let reason = match self.code.is_empty() {
            true => answer.shown(),
            false => format!("{}: {}", self.code, self.message),
        };
        CreateError {
            cause: cause(&self.code, answer.is_passing()),
            reason,
        }
    }
}
