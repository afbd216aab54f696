//! `/status/reverse.json` as in 2019 (`coordinator.md` 9): daemons that make machines read it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use farm_model::id::HostType;
use parking_lot::Mutex;
use serde::Serialize;

use super::{Asked, Shown, says};
use crate::machines::{Seen, Wanted};

/// How old an answer may be: it is made once for all who ask meanwhile.
const FRESH: Duration = Duration::from_millis(500);

/// The last answer.
#[derive(Default)]
pub struct Cache(Mutex<Option<(Instant, Bytes)>>);

/// Everything; `null` instead of an empty map, as Go writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReverseStatus {
    host_types: Option<BTreeMap<String, HostStatus>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct HostStatus {
    host_type: String,
    connected: usize,
    expect: usize,
    idle: usize,
    busy: usize,
    /// Builds that wait are the coordinator's: always 0 here.
    waiters: usize,
    machines: Option<BTreeMap<String, MachineStatus>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MachineStatus {
    name: String,
    host_type: String,
    connected_sec: f64,
    #[serde(skip_serializing_if = "is_zero")]
    idle_sec: f64,
    #[serde(skip_serializing_if = "is_zero")]
    busy_sec: f64,
    version: String,
    busy: bool,
}

fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// The answer, at most half a second old.
pub async fn json(State(asked): State<Asked>) -> Response {
    match asked.shown.bounds.reverse.get(&asked.shown) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => says(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

impl Cache {
    /// Whoever comes while it is being made waits for it: it takes milliseconds.
    fn get(&self, shown: &Shown) -> serde_json::Result<Bytes> {
        let mut kept = self.0.lock();
        if let Some((made, body)) = &*kept
            && made.elapsed() < FRESH
        {
            return Ok(body.clone());
        }
        let body = Bytes::from(render(&status(shown))?);
        *kept = Some((Instant::now(), body.clone()));
        Ok(body)
    }
}

/// Indented by tabs, without an end of line: as Go wrote it.
fn render(status: &ReverseStatus) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    status.serialize(&mut serde_json::Serializer::with_formatter(&mut text, tabs))?;
    Ok(text)
}

fn status(shown: &Shown) -> ReverseStatus {
    let all = Wanted {
        most: usize::MAX,
        ..Wanted::default()
    };
    let mut hosts = BTreeMap::new();
    for seen in shown.registry.census(&all).machines {
        host(&mut hosts, &seen.machine.host_type).take_in(&seen);
    }
    for (host_type, expect) in &shown.expect {
        host(&mut hosts, host_type).expect = *expect;
    }
    ReverseStatus {
        host_types: Some(hosts).filter(|hosts| !hosts.is_empty()),
    }
}

fn host<'a>(
    hosts: &'a mut BTreeMap<String, HostStatus>,
    host_type: &HostType,
) -> &'a mut HostStatus {
    hosts
        .entry(host_type.to_string())
        .or_insert_with(|| HostStatus {
            host_type: host_type.to_string(),
            connected: 0,
            expect: 0,
            idle: 0,
            busy: 0,
            waiters: 0,
            machines: None,
        })
}

impl HostStatus {
    fn take_in(&mut self, seen: &Seen) {
        let busy = seen.busy.is_some();
        self.connected += 1;
        self.busy += usize::from(busy);
        self.idle += usize::from(!busy);
        let state_for = seen.state_for.as_secs_f64();
        let name = seen.machine.name().to_owned();
        let machine = MachineStatus {
            name: name.clone(),
            host_type: self.host_type.clone(),
            connected_sec: seen.machine.connected_for().as_secs_f64(),
            idle_sec: if busy { 0.0 } else { state_for },
            busy_sec: if busy { state_for } else { 0.0 },
            version: seen.machine.version.to_string(),
            busy,
        };
        self.machines.get_or_insert_default().insert(name, machine);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(busy: bool) -> MachineStatus {
        MachineStatus {
            name: "pi".to_owned(),
            host_type: "host-pi".to_owned(),
            connected_sec: 12.5,
            idle_sec: if busy { 0.0 } else { 2.25 },
            busy_sec: if busy { 2.25 } else { 0.0 },
            version: "23".to_owned(),
            busy,
        }
    }

    fn rendered(host_types: Option<BTreeMap<String, HostStatus>>) -> String {
        String::from_utf8(render(&ReverseStatus { host_types }).unwrap()).unwrap()
    }

    #[test]
    fn it_is_the_text_that_readers_of_2019_know() {
        let host = HostStatus {
            host_type: "host-pi".to_owned(),
            connected: 1,
            expect: 2,
            idle: 0,
            busy: 1,
            waiters: 0,
            machines: Some([("pi".to_owned(), machine(true))].into()),
        };
        let expected = "{\n\t\"HostTypes\": {\n\t\t\"host-pi\": {\n\t\t\t\"HostType\": \"host-pi\",\n\
            \t\t\t\"Connected\": 1,\n\t\t\t\"Expect\": 2,\n\t\t\t\"Idle\": 0,\n\t\t\t\"Busy\": 1,\n\
            \t\t\t\"Waiters\": 0,\n\t\t\t\"Machines\": {\n\t\t\t\t\"pi\": {\n\t\t\t\t\t\"Name\": \"pi\",\n\
            \t\t\t\t\t\"HostType\": \"host-pi\",\n\t\t\t\t\t\"ConnectedSec\": 12.5,\n\
            \t\t\t\t\t\"BusySec\": 2.25,\n\t\t\t\t\t\"Version\": \"23\",\n\t\t\t\t\t\"Busy\": true\n\
            \t\t\t\t}\n\t\t\t}\n\t\t}\n\t}\n}";
        assert_eq!(
            rendered(Some([("host-pi".to_owned(), host)].into())),
            expected
        );
    }

    #[test]
    fn what_is_empty_is_null_as_go_writes_it() {
        assert_eq!(rendered(None), "{\n\t\"HostTypes\": null\n}");
        let expected_only = HostStatus {
            host_type: "host-mac".to_owned(),
            connected: 0,
            expect: 3,
            idle: 0,
            busy: 0,
            waiters: 0,
            machines: None,
        };
        let text = rendered(Some([("host-mac".to_owned(), expected_only)].into()));
        assert!(text.contains("\"Machines\": null"), "{text}");
    }

    #[test]
    fn an_idle_machine_has_no_busy_time() {
        let idle = serde_json::to_value(machine(false)).unwrap();
        assert_eq!(idle["IdleSec"], 2.25);
        assert_eq!(idle.get("BusySec"), None);
    }
}
