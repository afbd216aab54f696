//! Files that a service reads and writes.

use std::os::unix::fs::PermissionsExt;

use nix::unistd::User;

use super::*;

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "k").unwrap();
    let path = key.to_str().unwrap();
    let line = [
        "--run-as",
        "farm",
        "--",
        "-reverse-type=x",
        "-key-file",
        path,
    ];
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = refusal(&line);
    assert!(refused.contains("(mode 0640); chmod 600"), "{refused}");
    let behind = [&line[..3], &["stage0", "--file=/tmp/b", "--"], &line[3..]].concat();
    assert!(refusal(&behind).contains("chmod 600"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    checked(&line).unwrap();
    // Of these two at least one is not the file's owner.
    let other = OTHERS.map(|user| {
        let line = [&["--run-as", user], &line[2..]].concat();
        checked(&line)
    });
    let refused = other.into_iter().find_map(Result::err).unwrap().to_string();
    assert!(refused.contains("could not read"), "{refused}");
}

const RENEWED: [&str; 2] = ["--reverse-type", "x"];

/// One at least of these is not who runs this test.
const OTHERS: [&str; 2] = ["daemon", "bin"];

#[test]
fn a_key_that_could_not_be_renewed_where_it_is_is_refused() {
    let with = |user: &str, file: &str| {
        let line = ["--run-as", user, "--", RENEWED[0], RENEWED[1], "--key-file"];
        checked(&[&line[..], &[file]].concat()).map(drop)
    };
    for file in ["/etc/farm.key", "/usr/local/farm/key"] {
        let refused = with("root", file).unwrap_err().to_string();
        assert!(refused.contains(file), "{refused}");
        assert!(
            refused.contains("(ProtectSystem=full); put it in a folder of root"),
            "{refused}"
        );
    }
    with("root", "/var/lib/farm/key").unwrap();
    // The folder of another user.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let refused = OTHERS.map(|user| with(user, file.to_str().unwrap()));
    let refused = refused.into_iter().find_map(Result::err).unwrap();
    let refused = refused.to_string();
    let folder_text = format!("cannot write {}; put it in", folder.path().display());
    assert!(refused.contains(&folder_text), "{refused}");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    for user in OTHERS {
        with(user, file.to_str().unwrap()).unwrap();
    }
    // Keys of the old form are not renewed, and other systems have other users.
    let old = [
        "--run-as",
        "root",
        "--",
        "--reverse",
        "x",
        "--key-file",
        "/etc/farm.key",
    ];
    checked(&old).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    for user in OTHERS {
        let line = [
            "--root",
            "/none",
            "--run-as",
            user,
            "--",
            "--reverse-type=x",
            "--key-file",
        ];
        checked(&[&line[..], &[file.to_str().unwrap()]].concat()).unwrap();
    }
}

#[test]
fn the_default_key_is_looked_for_in_the_home_of_whom_it_runs_as() {
    // Their homes are the system's own folders.
    for user in OTHERS {
        let home = User::from_name(user).unwrap().unwrap().dir;
        let refused = refusal(&["--run-as", user, "--", RENEWED[0], RENEWED[1]]);
        let file = home.join(".gobuildkey-x");
        assert!(refused.contains(file.to_str().unwrap()), "{refused}");
    }
}

#[test]
fn files_are_named_from_the_top() {
    let line = [
        "--user",
        "--",
        "stage0",
        "--file=/tmp/b",
        "--ca",
        "ca",
        "--",
    ];
    let behind = [
        "-reverse-type=x",
        "-key-file=k",
        "--ca=/a/ca",
        "--hostname",
        "k",
    ];
    let service = checked(&[&line[..], &behind].concat()).unwrap();
    let here = std::env::current_dir().unwrap();
    let here = here.to_str().unwrap();
    let front = [
        "stage0",
        "--file=/tmp/b",
        "--ca",
        &format!("{here}/ca"),
        "--",
    ];
    let key = format!("-key-file={here}/k");
    let behind = ["-reverse-type=x", &key, "--ca=/a/ca", "--hostname", "k"];
    let wanted = [&front[..], &behind].concat();
    assert_eq!(
        service.command[service.command.len() - wanted.len()..],
        wanted
    );
}

#[test]
fn stage0_as_a_service_is_told_where_it_keeps_what_it_fetches() {
    for relative in [&["stage0"][..], &["stage0", "--file", "b"]] {
        let refused = refusal(&[&["--run-as", "root", "--"], relative].concat());
        assert!(
            refused.contains("needs --file with a whole path"),
            "{refused}"
        );
    }
    let refused = refusal(&[
        "--run-as",
        "root",
        "--",
        "stage0",
        "--file=/usr/local/bin/b",
    ]);
    assert!(
        refused.contains("stage0 writes /usr/local/bin/b"),
        "{refused}"
    );
    checked(&["--run-as", "root", "--", "stage0", "--file=/var/lib/farm/b"]).unwrap();
}
