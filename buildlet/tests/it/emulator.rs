//! A machine that needs the Android emulator (`buildlet.md` 9.4), with a program that only waits in its place.

use std::os::unix::fs::PermissionsExt;

use crate::harness::{Buildlet, PATH, until};
use crate::peer::sh;

#[tokio::test]
async fn without_its_emulator_a_machine_runs_no_commands() {
    let sdk = tempfile::tempdir().unwrap();
    let at = |name: &str| sdk.path().join(name);
    std::fs::create_dir(at("emulator")).unwrap();
    let wait = format!(
        "#!/bin/sh\necho \"$@\" > {0}/new; mv {0}/new {0}/began; until test -e {0}/end; do sleep 0.01; done; exit 7\n",
        sdk.path().display()
    );
    std::fs::write(at("emulator/emulator"), wait).unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(at("emulator/emulator"), executable).unwrap();
    let env = [
        ("GO_BUILDER_ENV", "android-amd64-emu"),
        ("ANDROID_HOME", sdk.path().to_str().unwrap()),
        ("PATH", PATH),
    ];
    let b = Buildlet::direct(&[], &env).await;
    until("the emulator", || at("began").exists()).await;
    let args = std::fs::read_to_string(at("began")).unwrap();
    assert!(
        args.starts_with("@android-avd ") && args.contains("-wipe-data"),
        "{args}"
    );
    assert_eq!(b.ask(sh("true")).await.state(), "ok");
    std::fs::write(at("end"), "").unwrap();
    let text = "android emulator not running: exit status: 7\n";
    loop {
        // It takes a moment to end.
        let answer = b.ask(sh("true")).await;
        if answer.status == 500 {
            assert_eq!(answer.text(), text);
            break;
        }
        assert_eq!(answer.state(), "ok");
    }
    assert_eq!(b.ask(sh("true")).await.status, 500, "and stays so");
    assert_eq!(b.get("/status").await.status, 200);
    b.end().await;
}

#[tokio::test]
async fn a_machine_whose_emulator_cannot_start_does_not() {
    let env = [
        ("GO_BUILDER_ENV", "android-amd64-emu"),
        ("ANDROID_HOME", "/none"),
    ];
    let args = ["--listen", "127.0.0.1:0"];
    let mut b = Buildlet::spawn(tempfile::tempdir().unwrap(), &args, &env);
    assert_eq!(b.ended().await.code(), Some(1));
    assert!(
        b.log().contains("cannot start /none/emulator/emulator"),
        "{}",
        b.log()
    );
}
