//! Who may depend on whom: doors do not know each other, only shells join them, and each third party has one owner.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Ours → what of ours it may depend on. Shells may use anything below them.
const ALLOWED: &[(&str, &[&str])] = &[
    ("farm-model", &[]),
    ("farm-core", &["farm-model"]),
    ("farm-bus", &["farm-model"]),
    ("farm-store", &["farm-model"]),
    ("farm-bucket", &["farm-model"]),
    ("farm-forge", &["farm-model"]),
    ("farm-pool", &["farm-core", "farm-model"]),
    ("farm-runtime", &["farm-model"]),
    ("farm-archive", &[]),
    ("farm-testlog", &["farm-model"]),
    ("farm-wire", &[]),
    ("farm-cloud-emulator", &[]),
    ("farm-gcs-emulator", &[]),
    ("farm-pubsub-emulator", &[]),
    ("farm-harness", &["farm-model", "farm-forge"]),
    ("buildlet", &["farm-wire", "farm-archive"]),
];

/// Third parties that only their owner may name.
const OWNED: &[(&str, &str)] = &[
    // Not here: `aws-config` and `aws-smithy-http-client`. They are under every client of AWS, find region and credentials and
    // carry its requests, and alone open no door: what a package does at AWS is said by the clients that it names.
    ("aws-sdk-secretsmanager", "functions"),
    ("aws-sdk-sns", "farm-bus"),
    ("aws-sdk-sqs", "farm-bus"),
    ("aws-sdk-sts", "farm-bus"),
    ("google-cloud-pubsub", "farm-bus"),
    ("object_store", "farm-bucket"),
    ("rusqlite", "farm-store"),
    ("postgres", "farm-store"),
    ("lambda_http", "farm-runtime"),
    ("cloudevents-sdk", "farm-runtime"),
    ("lettre", "functions"),
];

/// Package → its dependencies outside tests.
fn workspace() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap();
            let normal = all.iter().filter(|dependency| dependency["kind"] != "dev");
            let names = normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned());
            (
                package["name"].as_str().unwrap().to_owned(),
                names.collect(),
            )
        })
        .collect()
}

#[test]
fn crates_depend_only_on_what_lies_below_them() {
    let workspace = workspace();
    for (name, allowed) in ALLOWED {
        let Some(dependencies) = workspace.get(*name) else {
            panic!("{name} is listed and does not exist")
        };
        for dependency in dependencies
            .iter()
            .filter(|dependency| workspace.contains_key(*dependency))
        {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} must not know {dependency}"
            );
        }
    }
    for name in workspace
        .keys()
        .filter(|name| name.starts_with("farm-") && *name != "farm-cli")
    {
        assert!(
            ALLOWED.iter().any(|(known, _)| known == name),
            "say in ALLOWED what {name} may know"
        );
    }
}

/// No parts of the farm: they hold the emulator against Google's own client.
const JUDGES: &[&str] = &["bench", "pubsub-conformance"];

#[test]
fn each_third_party_has_one_owner() {
    for (package, dependencies) in workspace() {
        let judges = JUDGES.contains(&package.as_str());
        for (crate_name, owner) in OWNED {
            assert!(
                !dependencies.contains(*crate_name)
                    || package == *owner
                    || (judges && *crate_name == "google-cloud-pubsub"),
                "{package} names {crate_name}, which belongs to {owner}"
            );
        }
    }
}

/// Names of the folders in `dir`, hidden and built ones left out.
fn folders(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect()
}

#[test]
fn the_folder_map_of_the_readme_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let rows: BTreeMap<&str, &str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("/` |"))
        .collect();
    let listed: BTreeSet<String> = rows.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, folders(&root), "the folders of README.md");
    for parent in ["crates", "long-running"] {
        for name in folders(&root.join(parent)) {
            let named = format!("`{name}`");
            assert!(
                rows[parent].contains(&named),
                "README.md does not name {parent}/{name}"
            );
        }
    }
}
