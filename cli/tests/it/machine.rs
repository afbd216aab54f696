use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use farm_wire::keys::{MasterKey, key_id, verify};
use serde_json::Value;
use tempfile::TempDir;

use crate::farm::{DONE, Farm, nobody};
use crate::typed::{NOW, Ran, farm};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB+a/b=\n-----END CERTIFICATE-----\n";

/// The data folder of a running `farm up`, as far as this command looks at it.
struct Data(TempDir);

impl Data {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["bucket", "secrets", "hub"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        let write =
            |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
        write("secrets/machine-key", "master\n");
        write("hub/hub-cert.pem", CERTIFICATE);
        write("hub-address", "127.0.0.1:8119\n");
        Self(folder)
    }

    async fn machine(&self, words: &[&str]) -> Ran {
        let data = self.0.path().to_str().unwrap();
        let words = [&["machine"], words, &["--data", data]].concat();
        farm(&words).await
    }

    async fn json(&self, words: &[&str]) -> Value {
        let printed = self.machine(&[words, &["--json"]].concat()).await.printed();
        serde_json::from_str(&printed).unwrap()
    }

    async fn list(&self, server: &str) -> Value {
        self.json(&["list", "--server", server]).await
    }

    fn record(&self, name: &str) -> String {
        let path = self.0.path().join(format!("bucket/machines/{name}.json"));
        std::fs::read_to_string(path).unwrap()
    }
}

fn master() -> MasterKey {
    MasterKey::new(b"master").unwrap()
}

fn now() -> i64 {
    let now: jiff::Timestamp = NOW.parse().unwrap();
    now.as_second()
}

#[tokio::test]
async fn a_machine_is_recorded_without_its_key_and_gets_one_that_is_good() {
    let data = Data::new();
    let words = ["add", "attic", "--host-type", "rpi4", "--days", "2"];
    let made = data
        .json(&[&words[..], &["--owner", "gopher@example.org"]].concat())
        .await;
    let key = made["key"].as_str().unwrap();
    let day = 24 * 3600;
    assert!(verify(&master(), key, "rpi4", "attic", now() + 2 * day - 1).is_ok());
    assert!(verify(&master(), key, "rpi4", "attic", now() + 2 * day).is_err());
    let record: Value = serde_json::from_str(&data.record("attic")).unwrap();
    assert_eq!(record, made["record"]);
    assert_eq!(record["key_id"], key_id(key));
    assert_eq!(record["owner"], "gopher@example.org");
    assert!(!data.record("attic").contains(key));
    let again = data.machine(&words).await.failure();
    assert!(again.contains("recorded already"), "{again}");
    assert!(again.contains("farm machine renew attic"), "{again}");
}

/// A shell whose `buildlet` notes what it was called with.
fn run(line: &str, home: &Path) -> Vec<String> {
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let buildlet = bin.join("buildlet");
    std::fs::write(&buildlet, "#!/bin/sh\numask\nprintf '%s\\n' \"$@\"\n").unwrap();
    std::fs::set_permissions(&buildlet, PermissionsExt::from_mode(0o755)).unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("umask 022; {line}")])
        .env("HOME", home)
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_line_writes_the_key_for_its_user_alone_and_starts_a_buildlet() {
    let data = Data::new();
    let ran = data.machine(&["add", "attic", "--host-type", "rpi4"]).await;
    assert!(!ran.err.contains("fm1."), "{}", ran.err);
    assert!(ran.err.contains("this computer alone"), "{}", ran.err);
    let line = ran.printed();
    assert_eq!(line.lines().count(), 1, "{line}");
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/farm");
    // Somebody may read what was there before.
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("attic.key"), "old").unwrap();
    let words = run(&line, home.path());
    let file = |name: &str| -> PathBuf { folder.join(name) };
    let text = |name: &str| file(name).display().to_string();
    let wanted = [
        "0022",
        "--coordinator",
        "127.0.0.1:8119",
        "--reverse-type",
        "rpi4",
        "--hostname",
        "attic",
        "--key-file",
        &text("attic.key"),
        "--ca",
        &text("attic.ca.pem"),
        "--server-name",
        "localhost",
    ];
    assert_eq!(words, wanted);
    for name in ["attic.key", "attic.ca.pem"] {
        let mode = std::fs::metadata(file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let key = std::fs::read_to_string(file("attic.key")).unwrap();
    assert!(verify(&master(), key.trim(), "rpi4", "attic", now()).is_ok());
    let certificate = std::fs::read_to_string(file("attic.ca.pem")).unwrap();
    assert_eq!(certificate, CERTIFICATE);
}

#[tokio::test]
async fn a_farm_elsewhere_is_said_whole_and_its_machines_trust_the_public() {
    let data = Data::new();
    let bucket = farm_bucket::folder_url(&data.0.path().join("bucket")).unwrap();
    let words = [
        "machine",
        "add",
        "attic",
        "--host-type",
        "rpi4",
        "--bucket",
        &bucket,
    ];
    let error = farm(&words).await.failure();
    assert!(error.contains("--hub HOST:PORT"), "{error}");
    let hub = ["--hub", "hub.example.org:8119"];
    let error = farm(&[&words[..], &hub].concat()).await.failure();
    assert!(error.contains("--machine-key-file"), "{error}");
    let key = data.0.path().join("secrets/machine-key");
    let key = ["--machine-key-file", key.to_str().unwrap()];
    let ran = farm(&[&words[..], &hub, &key].concat()).await;
    assert!(!ran.err.contains("this computer alone"), "{}", ran.err);
    let line = ran.printed();
    assert!(
        line.contains("--coordinator hub.example.org:8119 "),
        "{line}"
    );
    assert!(
        !line.contains("--ca") && !line.contains("--server-name"),
        "{line}"
    );
}

#[tokio::test]
async fn without_a_farm_nothing_is_made() {
    let empty = tempfile::tempdir().unwrap();
    let data = empty.path().to_str().unwrap();
    let words = ["machine", "list", "--data", data];
    let error = farm(&words).await.failure();
    assert!(error.contains("there is no farm in"), "{error}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
    for bad in ["", "../x", "a/b", ".x", "a b"] {
        let ran = farm(&["machine", "add", bad, "--host-type", "rpi4"]).await;
        assert!(ran.code.is_err(), "{bad:?}");
    }
}

#[tokio::test]
async fn labels_are_recorded_and_stay_with_the_machine() {
    let data = Data::new();
    let labels = ["--label", "gpu", "--label", "disk=fast"];
    let add = ["add", "attic", "--host-type", "rpi4"];
    let added = data.json(&[&add[..], &labels[..]].concat()).await;
    assert_eq!(
        added["record"]["labels"],
        serde_json::json!(["disk=fast", "gpu"])
    );
    let renewed = data.json(&["renew", "attic"]).await;
    assert_eq!(renewed["record"]["labels"], added["record"]["labels"]);
    let many: Vec<String> = (0..9).map(|number| format!("--label=l{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for bad in [&["--label", "two words"][..], &many[..]] {
        let ran = data
            .machine(&[&["add", "cellar", "--host-type", "rpi4"], bad].concat())
            .await;
        assert!(
            ran.code.is_err() || ran.err.contains("at most 8"),
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn a_renewed_key_is_another_and_a_revoked_machine_has_none() {
    let data = Data::new();
    let first = data.json(&["add", "attic", "--host-type", "rpi4"]).await;
    let second = data.json(&["renew", "attic"]).await;
    assert_ne!(first["key"], second["key"]);
    assert_ne!(first["record"]["key_id"], second["record"]["key_id"]);
    assert!(
        data.record("attic")
            .contains(second["record"]["key_id"].as_str().unwrap())
    );
    let said = data.machine(&["revoke", "attic"]).await.printed();
    assert!(said.contains("within 30 seconds"), "{said}");
    let revoked: Value = serde_json::from_str(&data.record("attic")).unwrap();
    assert_eq!(revoked["revoked_at"], NOW);
    let said = data.machine(&["revoke", "attic"]).await.printed();
    assert!(said.contains("revoked already"), "{said}");
    assert_eq!(data.json(&["revoke", "attic"]).await["revoked_at"], NOW);
    let error = data.machine(&["renew", "attic"]).await.failure();
    assert!(
        error.contains("farm machine add attic --host-type rpi4"),
        "{error}"
    );
    // Its old keys stay bad when it comes back.
    let third = data.json(&["add", "attic", "--host-type", "rpi4"]).await;
    assert_ne!(third["key"], second["key"]);
    for verb in ["renew", "revoke"] {
        let error = data.machine(&[verb, "cellar"]).await.failure();
        assert!(error.contains("no machine cellar is recorded"), "{error}");
    }
}

#[tokio::test]
async fn the_list_joins_records_with_what_is_connected() {
    let data = Data::new();
    let server = Farm::with(&[DONE]).await;
    // Recorded and connected, recorded and away, revoked.
    for (name, host) in [("m1", "local"), ("attic", "rpi4"), ("gone", "rpi4")] {
        data.json(&["add", name, "--host-type", host]).await;
    }
    data.machine(&["revoke", "gone"]).await.printed();
    let list = data.list(&server.url).await;
    let states: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["name"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [("attic", "offline"), ("gone", "revoked"), ("m1", "online")]
    );
    let table = data
        .machine(&["list", "--server", &server.url])
        .await
        .printed();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("NAME   TYPE   STATE"), "{table}");
    assert!(
        lines[1].contains("offline for 2h ") && lines[1].ends_with("in 365d"),
        "{table}"
    );
    assert!(lines[2].contains("revoked 0s ago"), "{table}");
    assert!(lines[3].contains("online on hub"), "{table}");
    assert!(!table.contains("fm1."), "{table}");
}

#[tokio::test]
async fn connected_machines_without_a_record_are_listed_and_pages_may_be_away() {
    let data = Data::new();
    let server = Farm::with(&[DONE]).await;
    let list = data.list(&server.url).await;
    assert_eq!(list[0]["name"], "m1");
    assert_eq!(list[0].get("record"), None);
    data.json(&["add", "attic", "--host-type", "rpi4"]).await;
    let away = format!("http://{}", nobody().await);
    let ran = data.machine(&["list", "--server", &away]).await;
    assert!(
        ran.err
            .contains("which machines are connected is not known")
    );
    assert!(ran.printed().contains("unknown"));
}
