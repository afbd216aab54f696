//! `farm up` as people run it.

use std::path::Path;
use std::process::Output;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::binary;
use farm_harness::{PATIENCE, Process, Repository, SHELL, farm_command, leftovers, until};

const ANY: [&str; 6] = [
    "--http",
    "127.0.0.1:0",
    "--hub",
    "127.0.0.1:0",
    "--pubsub",
    "127.0.0.1:0",
];

async fn up(data: &Path, args: &[&str]) -> Output {
    let mut command = farm_command(binary(), &["up", "--data"]);
    command.arg(data).args(ANY).args(args);
    tokio::time::timeout(PATIENCE, command.output())
        .await
        .expect("farm up does not end")
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running `farm up`, and where its pages are.
pub async fn running(folder: &Path, args: &[&str]) -> (Process, String) {
    running_with(folder, args, &[]).await
}

/// The same with these in its environment.
pub async fn running_with(
    folder: &Path,
    args: &[&str],
    environment: &[(&str, &str)],
) -> (Process, String) {
    let mut command = farm_command(binary(), &["up", "--data"]);
    command.arg(folder.join(".farm")).args(ANY).args(args);
    command.envs(environment.iter().copied());
    let process = Process::start(command, &folder.join("up.log"));
    let url = until("the farm to say where it is", async || {
        let output = process.output();
        let url = output
            .split_whitespace()
            .find(|word| word.starts_with("http://"));
        url.map(str::to_owned).ok_or(output.clone())
    });
    let url = url.await;
    (process, url)
}

#[tokio::test]
async fn the_sample_is_green_red_green_and_is_built_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = up(&data, &["--until-idle", "--json"]).await;
    let told = lines(&first);
    let outcomes: Vec<_> = told
        .iter()
        .map(|line| line["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["ok", "failed", "ok"], "{}", complaint(&first));
    assert_eq!(first.status.code(), Some(1));
    let line = told[1].as_object().unwrap();
    assert_eq!(
        (&line["repo"], &line["builder"]),
        (&"sample".into(), &"shell-test".into())
    );
    assert_eq!(
        (&line["kind"], &line["attempts"]),
        (&"post-submit".into(), &1.into())
    );
    assert!(line["seconds"].is_f64() && line["commit"].as_str().unwrap().len() == 40);
    assert!(
        line["log"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    assert_eq!(leftovers(&data), Vec::<String>::new());

    let second = up(&data, &["--until-idle", "--json"]).await;
    assert_eq!(
        (second.status.code(), lines(&second).len()),
        (Some(0), 0),
        "{}",
        complaint(&second)
    );
}

#[tokio::test]
async fn a_new_commit_is_noticed_and_the_repository_is_only_read() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new(&folder.path().join("mine"), SHELL, "true");
    let path = repository.path.display().to_string();
    let (mut process, url) = running(folder.path(), &["--repo", &path, "--json"]).await;
    let told = |count: usize| {
        let log = process.log.clone();
        until("a line a build", async move || {
            let output = std::fs::read_to_string(&log).unwrap();
            let count_now = output.lines().filter(|line| line.starts_with('{')).count();
            if count_now >= count {
                Ok(())
            } else {
                Err(output)
            }
        })
    };
    told(1).await;
    let commit = repository.commit("second", "exit 4");
    let before = repository.contents();
    told(2).await;
    assert_eq!(
        repository.contents(),
        before,
        "the repository was written to"
    );
    let client = farm_harness::client();
    until("the commit's row", async || {
        let page = client.get(&url).send().await.unwrap();
        let page = page.text().await.unwrap();
        if page.contains(&commit[..8]) {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await;

    // A command run beside the data folder finds this farm, not another on the usual port.
    let mut builds = farm_command(binary(), &["builds"]);
    let builds = builds.current_dir(folder.path()).output().await.unwrap();
    let shown = String::from_utf8_lossy(&builds.stdout).into_owned();
    assert!(
        shown.contains(&commit[..8]),
        "{shown}{}",
        complaint(&builds)
    );

    process.signal(Signal::SIGINT);
    let status = process.ended().await;
    assert_eq!(status.code(), Some(0), "{}", process.output());
    assert!(
        process.output().contains("\nstopped"),
        "{}",
        process.output()
    );
    assert_eq!(leftovers(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn killed_and_started_again_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("go");
    let started = folder.path().join("started");
    let build = format!(
        "touch {}; while [ ! -e {} ]; do sleep 0.05; done",
        started.display(),
        gate.display()
    );
    let repository = Repository::new(&folder.path().join("mine"), SHELL, &build);
    let path = repository.path.display().to_string();
    let (process, _) = running(folder.path(), &["--repo", &path]).await;
    until("the build to run", async || std::fs::metadata(&started)).await;
    process.kill().await;
    let data = folder.path().join(".farm");
    until(
        "its machines and their commands to end by themselves",
        async || match leftovers(&data) {
            left if left.is_empty() => Ok(()),
            left => Err(left),
        },
    )
    .await;
    std::fs::write(&gate, "").unwrap();
    let again = up(&data, &["--repo", &path, "--until-idle", "--json"]).await;
    let told = lines(&again);
    assert_eq!(told.len(), 1, "{}", complaint(&again));
    assert_eq!(
        (&told[0]["outcome"], &told[0]["attempts"]),
        (&"ok".into(), &2.into())
    );
    assert_eq!(again.status.code(), Some(0));
}

/// The buildlet is somewhere above.
const KILLS_ITS_MACHINE: &str = r#"
above=$PPID
until tr '\0' ' ' < /proc/$above/cmdline | grep -q ' buildlet '; do
    above=$(awk '{ print $4 }' /proc/$above/stat)
done
kill -9 $above
sleep 60
"#;

#[tokio::test]
async fn what_is_lost_to_infrastructure_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let toml = SHELL.replace("host = \"bench\"", "host = \"bench\"\nmax-losses = 1");
    let repository = Repository::new(&folder.path().join("mine"), &toml, KILLS_ITS_MACHINE);
    let path = repository.path.display().to_string();
    let data = folder.path().join("data");
    let output = up(&data, &["--repo", &path, "--until-idle", "--json"]).await;
    let told = lines(&output);
    assert_eq!(
        told[0]["outcome"],
        "lost",
        "{told:?} {}",
        complaint(&output)
    );
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_repository_without_farm_toml_is_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new(&folder.path().join("mine"), SHELL, "true");
    repository.git(&["rm", "--quiet", "farm.toml"]);
    repository.git(&["commit", "--quiet", "--message", "no farm.toml"]);
    let path = repository.path.display().to_string();
    let output = up(
        &folder.path().join("data"),
        &["--repo", &path, "--until-idle"],
    )
    .await;
    assert!(
        complaint(&output).contains("farm init"),
        "{}",
        complaint(&output)
    );
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn a_port_that_was_asked_for_and_is_taken_is_named_with_its_flag() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--http", "--hub", "--pubsub"] {
        let mut command = farm_command(binary(), &["up", "--until-idle", "--data"]);
        command.arg(folder.path().join("data"));
        for (name, value) in [("--http", ANY[1]), ("--hub", ANY[3]), ("--pubsub", ANY[5])] {
            command.args([name, if name == flag { &address } else { value }]);
        }
        let output = command.output().await.unwrap();
        let said = complaint(&output);
        assert!(said.contains(&address) && said.contains(flag), "{said}");
        assert_eq!(output.status.code(), Some(3));
    }
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let output = up(&file.join("data"), &["--until-idle"]).await;
    let said = complaint(&output);
    assert!(
        said.contains("file/data") && said.contains("--data"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn a_full_disk_is_said_at_the_start() {
    // Every write to this device fails with "no space left".
    if std::fs::metadata("/dev/full").is_err() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(data.join("secrets")).unwrap();
    std::os::unix::fs::symlink("/dev/full", data.join(".gitignore")).unwrap();
    let output = up(&data, &["--until-idle"]).await;
    let said = complaint(&output);
    assert!(
        said.contains("--data") && said.contains("No space left"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn a_commit_that_is_checked_out_without_a_branch_is_built() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new(&folder.path().join("mine"), SHELL, "true");
    repository.git(&["checkout", "--quiet", "--detach"]);
    let commit = repository.commit("second", "exit 4");
    let path = repository.path.display().to_string();
    let data = folder.path().join("data");
    let output = up(&data, &["--repo", &path, "--until-idle", "--json"]).await;
    let told = lines(&output);
    assert_eq!(told.len(), 1, "{}", complaint(&output));
    assert_eq!(
        (&told[0]["commit"], &told[0]["branch"]),
        (&commit.into(), &"HEAD".into())
    );
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_later_farm_toml_brings_machines_and_builds_see_no_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::new(&folder.path().join("mine"), SHELL, "true");
    let path = repository.path.display().to_string();
    let mut command = farm_command(binary(), &["up", "--json", "--repo", &path, "--data"]);
    command.arg(folder.path().join("data")).args(ANY);
    command
        .env("FARM_TOKEN", "topsecret")
        .env("GIT_DIR", "/nowhere");
    let mut process = Process::start(command, &folder.path().join("up.log"));
    let line = async |start: &str| {
        until("a line", async || {
            let output = process.output();
            let found = output.lines().find(|line| line.starts_with(start));
            found.map(str::to_owned).ok_or(output.clone())
        })
        .await
    };
    line("{\"builder\":\"shell\"").await;
    let two = SHELL.replace(
        "[repositories.demo]",
        "[hosts.late]\n[builders.late]\nhost = \"late\"\n\
         steps = [{ name = \"look\", run = \"test -z \\\"$FARM_TOKEN$GIT_DIR\\\"\" }]\n[repositories.demo]\n\
         builders = [\"late\"]",
    );
    repository.write("farm.toml", &two);
    repository.commit("late", "true");
    let told = line("{\"builder\":\"late\"").await;
    assert!(told.contains("\"outcome\":\"ok\""), "{told}");
    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await.code(), Some(0));
}
