//! `buildlet install` as people run it, below a folder that stands for the whole system.

use std::path::Path;
use std::process::{Command, Output};

const OPTIONS: [&str; 4] = ["--", "-listen=127.0.0.1:0", "--workdir", "/tmp/w w"];

fn buildlet(args: &[&str], env: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_buildlet"))
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(all).unwrap()
}

fn install(root: &Path, more: &[&str]) -> Output {
    let root = root.to_str().unwrap();
    let args = [
        &["install", "--root", root, "--run-as", "daemon"],
        more,
        &OPTIONS,
    ]
    .concat();
    buildlet(&args, &[])
}

#[test]
fn a_service_is_written_kept_replaced_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("etc/systemd/system/buildlet.service");
    let first = install(folder.path(), &[]);
    assert!(first.status.success(), "{}", said(&first));
    assert!(said(&first).contains("systemctl daemon-reload && systemctl enable --now buildlet"));
    let text = std::fs::read_to_string(&unit).unwrap();
    assert!(
        text.contains(" -listen=127.0.0.1:0 --workdir \"/tmp/w w\"\n"),
        "{text}"
    );
    // The same once more is nothing new; another one is not put in its place unasked.
    assert!(install(folder.path(), &[]).status.success());
    std::fs::write(&unit, "something else\n").unwrap();
    let refused = install(folder.path(), &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("is there already and differs; --force replaces it"));
    let root = folder.path().to_str().unwrap();
    let kept = buildlet(&["uninstall", "--root", root], &[]);
    assert!(
        said(&kept).contains("was not written by buildlet install"),
        "{}",
        said(&kept)
    );
    assert!(install(folder.path(), &["--force"]).status.success());
    assert_eq!(std::fs::read_to_string(&unit).unwrap(), text);
    let removed = buildlet(&["uninstall", "--root", root], &[]);
    assert!(
        removed.status.success() && !unit.exists(),
        "{}",
        said(&removed)
    );
    let again = buildlet(&["uninstall", "--root", root], &[]);
    assert!(
        said(&again).contains("no service buildlet"),
        "{}",
        said(&again)
    );
}

#[test]
fn printing_writes_nothing_and_users_have_services_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let printed = install(folder.path(), &["--print"]);
    assert!(said(&printed).starts_with("# Written by `buildlet install`"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let home = folder.path().to_str().unwrap();
    let args = [&["install", "--user", "--name", "mine"][..], &OPTIONS].concat();
    let own = buildlet(&args, &[("HOME", home)]);
    assert!(own.status.success(), "{}", said(&own));
    assert!(
        folder
            .path()
            .join(".config/systemd/user/mine.service")
            .is_file()
    );
}

/// As systemd itself reads it, where it is there to be asked.
#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    assert!(install(folder.path(), &[]).status.success());
    let unit = folder.path().join("etc/systemd/system/buildlet.service");
    let verify = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(&unit)
        .output();
    let Ok(verify) = verify else {
        println!("there is no systemd-analyze here");
        return;
    };
    let found = said(&verify);
    // Versions before 254 do not know growing pauses, and say so; they restart at even ones.
    let wrong: Vec<_> = found
        .lines()
        .filter(|line| line.contains("buildlet.service"))
        .filter(|line| !line.contains("RestartSteps") && !line.contains("RestartMaxDelaySec"))
        .collect();
    assert!(wrong.is_empty(), "{found}");
}
