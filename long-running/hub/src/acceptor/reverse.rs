//! What a registration must be, before it is answered (buildlet.md 8.4).

use farm_model::id::{HostType, HubId, MachineId};
use farm_wire::head::{Refusal, RequestHead};
use farm_wire::keys::{is_machine_key, key_id};
use farm_wire::reverse::{Registration, RevdialVersion};

use super::Keys;
use super::keys::OwnKey;
use crate::ledger::Bearer;

/// A machine that may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Its id on this hub.
    pub id: MachineId,
    /// What it may be.
    pub host_type: HostType,
    /// The name it registered with.
    pub name: String,
    /// How it is dialed.
    pub revdial: RevdialVersion,
    /// The key of its own that it showed, if it has one.
    pub key: Option<OwnKey>,
    /// The key that it gets instead of one that was good once.
    pub next: Option<String>,
    /// What it showed, or is to show from now on.
    pub bearer: Bearer,
}

/// Checks a registration in the order of the spec, then what later versions of the protocol added: a name, and a version of
/// reverse dialing above 1 unless `v1` is spoken too. `now` in Unix seconds.
///
/// # Errors
/// The answer to give.
pub fn check(
    head: &RequestHead,
    hub: &HubId,
    keys: &Keys,
    v1: bool,
    now: i64,
) -> Result<Guest, Refusal> {
    let registration = Registration::parse(head)?;
    keys.check(&registration, now)?;
    let revdial = registration.revdial_version;
    if revdial == RevdialVersion::V1 && !v1 {
        return Err(Refusal::too_old());
    }
    let name = registration.hostname.clone();
    if name.is_empty() {
        return Err(Refusal::new(400, "missing X-Go-Builder-Hostname"));
    }
    let id = MachineId::on(hub, &name).map_err(|error| Refusal::new(400, error.to_string()))?;
    // Of several modes of the old form, the first names what the machine is.
    let mode = registration
        .modes()
        .first()
        .map_or("", |mode| mode.name.as_str());
    let host_type = mode.parse::<HostType>();
    let host_type = host_type.map_err(|error| Refusal::new(400, error.to_string()))?;
    let own = registration.modes().iter().map(|mode| mode.key.as_str());
    let bearer = Bearer {
        name: name.clone(),
        host_type: mode.to_owned(),
        key_ids: own.filter(|key| is_machine_key(key)).map(key_id).collect(),
    };
    Ok(Guest {
        id,
        host_type,
        name,
        revdial,
        key: keys.own_key(&registration, now),
        next: None,
        bearer,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use farm_wire::head::read_request;
    use farm_wire::keys::{MasterKey, mint};

    use super::*;
    use crate::acceptor::KeyLives;

    async fn answer(fields: &str) -> Result<Guest, String> {
        answer_with(fields, false).await
    }

    async fn answer_with(fields: &str, v1: bool) -> Result<Guest, String> {
        let text = format!("GET /reverse HTTP/1.1\r\nHost: \r\n{fields}\r\n");
        let (head, _) = read_request(text.as_bytes(), Duration::from_secs(1))
            .await
            .unwrap();
        let keys = Keys {
            master: MasterKey::new(b"secret").unwrap(),
            keys_2019: BTreeSet::new(),
            lives: KeyLives::default(),
        };
        let hub = "h1".parse().unwrap();
        check(&head, &hub, &keys, v1, 50).map_err(|refusal| refusal.to_string())
    }

    fn fields(host_type: &str, name: &str, revdial: &str) -> String {
        let key = mint(&MasterKey::new(b"secret").unwrap(), host_type, name, 100);
        format!(
            "X-Go-Builder-Hostname: {name}\r\nX-Go-Builder-Key: {key}\r\nX-Go-Builder-Version: 23\r\n\
             X-Go-Host-Type: {host_type}\r\n{revdial}"
        )
    }

    const V2: &str = "X-Revdial-Version: 2\r\n";

    #[tokio::test]
    async fn a_machine_with_its_key_comes_in() {
        let guest = answer(&fields("host-pi", "pi", V2)).await.unwrap();
        assert_eq!(guest.id.as_str(), "h1/pi");
        assert_eq!(guest.host_type.as_str(), "host-pi");
        assert_eq!(guest.revdial, RevdialVersion::V2);
        assert_eq!(guest.key.unwrap().ends, 100);
        let v3 = fields("host-pi", "pi", "X-Revdial-Version: 3\r\n");
        assert_eq!(answer(&v3).await.unwrap().revdial, RevdialVersion::V3);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused_with_the_words_of_the_spec() {
        let wrong = fields("host-pi", "pi", V2).replace("fm1", "fm2");
        assert_eq!(
            answer(&wrong).await.unwrap_err(),
            "412 bad key for mode \"host-pi\""
        );
        let old = fields("host-pi", "pi", "");
        assert_eq!(
            answer(&old).await.unwrap_err(),
            "400 buildlet binary is too old"
        );
        let old = answer_with(&old, true).await.unwrap();
        assert_eq!(old.revdial, RevdialVersion::V1);
        let nameless = fields("host-pi", "", V2);
        assert_eq!(
            answer(&nameless).await.unwrap_err(),
            "400 missing X-Go-Builder-Hostname"
        );
        for (host_type, name) in [("host-pi", "../pi"), ("host pi", "pi")] {
            let refused = answer(&fields(host_type, name, V2)).await.unwrap_err();
            assert!(refused.starts_with("400 "), "{refused}");
        }
    }
}
