//! What Terraform itself makes of the manifest in `terraform/modules/names`, which needs no provider and no network.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output};

use functions::manifest::{self, Function, Manifest};
use serde_json::{Value, json};

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../terraform/modules/names");

/// `terraform ARGS` on the module, with everything that it writes in `dir`; none where there is no Terraform.
fn terraform(dir: &Path, args: &[&str]) -> Option<Output> {
    let mut command = Command::new("terraform");
    command.arg(format!("-chdir={MODULE}")).args(args);
    command.env("TF_DATA_DIR", dir.join("data"));
    // Only what this repository says counts: nobody's own configuration, and no look for news.
    command.env("TF_CLI_CONFIG_FILE", "/dev/null");
    command.env("CHECKPOINT_DISABLE", "1");
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped("there is no terraform");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Says that cases are left out, and why. Not printed: of a test that passes nobody would see it.
fn skipped(why: &str) {
    let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("skipped: {why}\n"));
}

/// The module's outputs where the operator gives these optional settings and secrets, or what Terraform has against them.
fn names(settings: &[&str], secrets: &[&str]) -> Option<Result<Value, String>> {
    let dir = tempfile::tempdir().unwrap();
    let state = format!("-state={}", dir.path().join("state").display());
    let given: BTreeMap<_, _> = settings.iter().map(|name| (name, value(name))).collect();
    let settings = format!("-var=settings={}", json!(given));
    let secrets = format!("-var=optional_secrets={}", json!(secrets));
    terraform(dir.path(), &["init", "-backend=false", "-input=false"])?;
    let apply = [
        "apply",
        "-auto-approve",
        "-input=false",
        "-no-color",
        &state,
        "-var=prefix=farm",
        "-var=hubs=[\"h1\"]",
        &settings,
        &secrets,
    ];
    let applied = terraform(dir.path(), &apply)?;
    if !applied.status.success() {
        return Some(Err(String::from_utf8_lossy(&applied.stderr).into_owned()));
    }
    let output = terraform(dir.path(), &["output", "-json", &state])?;
    let outputs: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let values = outputs.into_iter();
    Some(Ok(values
        .map(|(name, output)| (name, output["value"].clone()))
        .collect()))
}

fn value(name: &str) -> String {
    format!("what {name} is")
}

/// Everything of the kind `of` that some function of the manifest names.
fn all(manifest: &Manifest, of: impl Fn(&Function) -> &Vec<String>) -> Vec<&str> {
    let names: BTreeSet<&str> = manifest
        .values()
        .flat_map(|function| of(function).iter().map(String::as_str))
        .collect();
    names.into_iter().collect()
}

#[test]
fn each_function_is_given_the_optional_settings_and_secrets_that_it_knows() {
    let manifest = manifest::read().unwrap();
    let settings = all(&manifest, |function| &function.optional_settings);
    let secrets = all(&manifest, |function| &function.optional_secrets);
    assert!(settings.contains(&"FARM_HOOKS") && secrets.contains(&"FARM_HOOK_SECRET"));
    let Some(names) = names(&settings, &secrets) else {
        return;
    };
    let names = names.unwrap();
    for (name, function) in &manifest {
        let known = function.optional_settings.iter();
        let known: BTreeMap<_, _> = known.map(|setting| (setting, value(setting))).collect();
        assert_eq!(names["settings_of"][name], json!(known), "{name}");
        let given = function.secrets.iter().chain(&function.optional_secrets);
        let given: BTreeSet<_> = given.collect();
        assert_eq!(names["secrets_of"][name], json!(given), "{name}");
    }
}

#[test]
fn nothing_optional_is_given_that_neither_operator_nor_function_asked_for() {
    let manifest = manifest::read().unwrap();
    let Some(names) = names(&[], &[]) else {
        return;
    };
    let names = names.unwrap();
    let needed = all(&manifest, |function| &function.secrets);
    for (name, function) in &manifest {
        assert_eq!(names["settings_of"][name], json!({}), "{name}");
        let known = function.secrets.iter().chain(&function.optional_secrets);
        let there: BTreeSet<_> = known.filter(|it| needed.contains(&it.as_str())).collect();
        assert_eq!(names["secrets_of"][name], json!(there), "{name}");
    }
    // Who signs in is known to the pages.
    assert_eq!(names["secrets_of"]["dashboard"], json!(["FARM_TOKEN_KEY"]));
}

#[test]
fn what_no_function_knows_is_refused_by_name() {
    for (settings, secrets, what) in [
        (&["FARM_HOOX"][..], &[][..], "FARM_HOOX"),
        (&[], &["FARM_HOOX_SECRET"], "FARM_HOOX_SECRET"),
        // A secret is no setting: it would lie in the open.
        (&["FARM_HOOK_SECRET"], &[], "FARM_HOOK_SECRET"),
    ] {
        let Some(names) = names(settings, secrets) else {
            return;
        };
        let error = names.unwrap_err();
        assert!(
            error.contains("No function of the manifest knows") && error.contains(what),
            "{error}"
        );
    }
}

#[test]
fn pushes_and_ticks_are_made_and_are_not_for_strangers() {
    let manifest = manifest::read().unwrap();
    let Some(names) = names(&[], &[]) else {
        return;
    };
    let names = names.unwrap();
    let mut pushes = BTreeMap::new();
    let mut ticks = BTreeMap::new();
    let mut public = BTreeSet::new();
    for (name, function) in &manifest {
        for push in &function.pushes {
            let made = json!({ "function": name, "topic": push.topic, "path": push.path });
            pushes.insert(format!("{}-{name}", push.topic.name()), made);
        }
        for tick in &function.ticks {
            let every = tick.every_seconds;
            let made = json!({ "function": name, "path": tick.path, "every_seconds": every });
            ticks.insert(format!("{name}{}", tick.path.replace('/', "-")), made);
        }
        let called = function.pushes.iter().map(|push| &push.path);
        let called: BTreeSet<_> = called
            .chain(function.ticks.iter().map(|tick| &tick.path))
            .collect();
        let routes = function.routes.iter();
        public.extend(
            routes
                .filter(|route| !called.contains(&route.path))
                .map(|route| format!("{} {}", route.method, route.path)),
        );
    }
    assert_eq!(names["pushes"], json!(pushes));
    assert_eq!(names["ticks"], json!(ticks));
    let routes = names["routes"].as_object().unwrap().keys();
    assert_eq!(routes.cloned().collect::<BTreeSet<_>>(), public);
}
