//! Scripts, as a shell understands them.

use std::process::Command as Program;

use super::*;

/// What a script's functions and variables come to, in a shell whose rc.subr does nothing.
fn ran(script: &str, then: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let subr = folder.path().join("rc.subr");
    std::fs::write(
        &subr,
        "load_rc_config() { :; }\nrun_rc_command() { :; }\nrc_cmd() { :; }\n",
    )
    .unwrap();
    let subr = subr.to_str().unwrap();
    let script = script
        .replace("/etc/rc.subr", subr)
        .replace("/etc/rc.d/rc.subr", subr);
    let done = Program::new("/bin/sh")
        .args(["-c", &format!("{script}\n{then}"), "sh", "start"])
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn scripts_are_understood_by_a_shell_and_keep_arguments_apart() {
    let service = service(Some("farm"), &ODD);
    // rc.subr evaluates the arguments once more: so does this.
    let words = ran(
        &rc_d::freebsd(&service),
        r#"eval "printf '%s\n' $command_args""#,
    );
    let words: Vec<&str> = words.lines().collect();
    assert_eq!(words[words.len() - 4..], ODD);
    assert!(words.contains(&"-u") && words.contains(&"farm"));
    let flags = ran(
        &rc_d::openbsd(&service),
        r#"eval "printf '%s\n' $daemon_flags""#,
    );
    let looped = flags.strip_prefix("-c\n").unwrap();
    assert!(
        looped.starts_with("while :; do /usr/local/bin/buildlet --hostname "),
        "{looped}"
    );
    let print = looped
        .trim()
        .replace("/usr/local/bin/buildlet", "printf '%s\\n'")
        .replace("sleep 5", "break");
    assert_eq!(ran("", &print).lines().collect::<Vec<_>>(), ODD);
    let started = ran(
        &rc_d::netbsd(&service),
        "type farm_pi_start > /dev/null; echo $start_cmd",
    );
    assert_eq!(started, "farm_pi_start\n");
}
