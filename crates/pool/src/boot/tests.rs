use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::*;
use crate::make::tests::vm as make;

fn settings(buildlet: &str) -> Settings {
    Settings::read(
        &serde_json::json!({
            "farm": "example", "hub": "hub.example.org:443", "ca": "-----BEGIN\nit's $HOME `id` \"\\\n-----END",
            "buildlet": buildlet, "pools": {},
        })
        .to_string(),
    )
    .unwrap()
}

/// A server of one file, as a place where buildlets lie.
async fn served(text: String) -> (String, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/{file}", axum::routing::get(|| async { text }));
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}/buildlet-{{buildlet}}"), serving)
}

const KEY_TEXT: &str = "it's; exit 7 # $(touch never)";

/// Runs the script of a machine that goes at `until`, as a plain user.
async fn run(settings: &Settings, folder: &Path, until: i64) -> Output {
    let mut make = make("m1");
    make.key = KEY_TEXT.to_owned();
    make.order.until = farm_model::Timestamp::from_second(until).unwrap();
    let script = folder.join("boot");
    std::fs::write(&script, Boot::new(settings).script(&make)).unwrap();
    let ran = tokio::process::Command::new("sh")
        .arg(&script)
        .env("BUILDLET_HOME", folder.join("home"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let ran = tokio::time::timeout(std::time::Duration::from_secs(60), ran).await;
    ran.unwrap().unwrap()
}

const LATER: i64 = 32_503_680_000;
/// Says what it was started with.
const PROGRAM: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\" >args\nexit 3\n";

#[test]
fn every_text_is_one_word_of_a_shell() {
    for text in [
        "",
        "plain",
        "two words",
        "it's",
        "''",
        "$HOME `id` \"\\\n*",
        "ä\t;&|<>()#",
    ] {
        let said = Command::new("sh")
            .arg("-c")
            .arg(format!("printf %s {}", quoted(text)))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), text);
    }
    assert_eq!(quoted("a\0b"), "'ab'");
}

#[tokio::test]
async fn the_script_loads_the_buildlet_and_runs_it_with_what_the_machine_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let (url, _serving) = served(PROGRAM.to_owned()).await;
    let settings = settings(&url);
    let ran = run(&settings, folder.path(), LATER).await;
    assert_eq!(ran.status.code(), Some(3), "{ran:?}");
    let home = folder.path().join("home");
    let args = std::fs::read_to_string(folder.path().join("args")).unwrap();
    let home_text = home.to_str().unwrap();
    let expected = [
        "--coordinator=hub.example.org:443".to_owned(),
        "--reverse-type=host-linux".to_owned(),
        "--hostname=m1".to_owned(),
        format!("--key-file={home_text}/key"),
        format!("--workdir={home_text}/work"),
        format!("--ca={home_text}/ca.pem"),
    ];
    assert_eq!(args.lines().collect::<Vec<_>>(), expected);
    let read = |name: &str| std::fs::read_to_string(home.join(name)).unwrap();
    assert_eq!(read("key"), format!("{KEY_TEXT}\n"));
    assert_eq!(read("ca.pem"), format!("{}\n", settings.ca));
    assert!(!folder.path().join("never").exists());
    let mode = |name: &str| std::fs::metadata(home.join(name)).unwrap().permissions();
    use std::os::unix::fs::PermissionsExt;
    for name in ["key", "ca.pem"] {
        assert_eq!(mode(name).mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_buildlet_with_another_digest_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let (url, _serving) = served(PROGRAM.to_owned()).await;
    let mut settings = settings(&url);
    settings.sha256 = [("linux-amd64".to_owned(), "0".repeat(64))].into();
    // It tries again until the machine's time is over.
    let soon = date() + 3;
    let ran = run(&settings, folder.path(), soon).await;
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
    assert!(String::from_utf8_lossy(&ran.stderr).contains("another SHA-256"));
    assert!(!folder.path().join("args").exists());
}

#[tokio::test]
async fn a_machine_ends_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (url, _serving) = served("#!/bin/sh\nexec sleep 1000\n".to_owned()).await;
    let ran = run(&settings(&url), folder.path(), date() + 3).await;
    assert_eq!(ran.status.code(), Some(143), "{ran:?}");
}

/// The time as the script sees it.
fn date() -> i64 {
    let said = Command::new("date").arg("+%s").output().unwrap();
    String::from_utf8(said.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

#[test]
fn a_container_is_told_the_same_with_files_for_secrets() {
    let boot = Boot::new(&settings("http://example.org/b"));
    let args = boot.args(&make("m1"), "/run/farm");
    assert_eq!(
        args[3..],
        ["--key-file=/run/farm/key", "--ca=/run/farm/ca.pem"]
    );
}
