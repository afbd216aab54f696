//! The functions of `farm up` as a process that dies and is built anew: no call is lost.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use farm_forge::signature::sign_github;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::up::running;
use farm_harness::{Process, client, until};

/// Deliveries that are pushed while the functions die.
const DELIVERIES: usize = 300;

/// A farm that builds nothing, with what is needed to push at its functions.
struct Pushed {
    process: Process,
    pages: String,
    console: String,
    api: String,
    secret: String,
    http: reqwest::Client,
}

impl Pushed {
    async fn start(folder: &Path, args: &[&str]) -> Self {
        let args = [&["--machines", "0"], args].concat();
        let (process, pages) = running(folder, &args).await;
        let console = until("the console", async || {
            let output = process.output();
            let at = output.split("console at ").nth(1);
            let at = at.and_then(|rest| rest.split_whitespace().next());
            at.map(|at| at.trim_end_matches('/').to_owned())
                .ok_or(output.clone())
        });
        let console = console.await;
        let data = folder.join(".farm");
        let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap();
        let bus = read("bus-address");
        let endpoint = bus.trim().split("endpoint=").nth(1).unwrap();
        Self {
            api: format!("{endpoint}/v1/projects/farm"),
            secret: read("secrets/github-webhook"),
            http: client(),
            process,
            pages,
            console,
        }
    }

    /// A subscription that pushes what is published on `topics/knocks` at the webhook.
    async fn subscribe(&self) {
        let topic = "projects/farm/topics/knocks";
        let push = json!({
            "pushEndpoint": format!("{}github-webhook", self.pages),
            "noWrapper": { "writeMetadata": true },
        });
        let subscription = json!({ "topic": topic, "pushConfig": push });
        for (name, body) in [
            ("topics/knocks", json!({})),
            ("subscriptions/knocks", subscription),
        ] {
            let put = self.http.put(format!("{}/{name}", self.api)).json(&body);
            assert_eq!(put.send().await.unwrap().status(), 200);
        }
    }

    /// The delivery of that number, as GitHub signs it: a push without wrapper has its attributes as headers.
    fn message(&self, number: usize) -> Value {
        let id = format!("knock-{number}");
        // What is the same is one delivery.
        let repository = json!({ "full_name": "local/none" });
        let body = json!({ "ref": "refs/heads/main", "after": id, "repository": repository });
        let body = body.to_string();
        json!({
            "data": STANDARD.encode(&body),
            "attributes": {
                "x-github-event": "push",
                "x-github-delivery": id,
                "x-hub-signature-256": sign_github(self.secret.as_bytes(), body.as_bytes()),
                "content-type": "application/json",
            },
        })
    }

    async fn publish(&self, numbers: std::ops::Range<usize>) {
        let messages: Vec<Value> = numbers.map(|number| self.message(number)).collect();
        let post = self
            .http
            .post(format!("{}/topics/knocks:publish", self.api));
        let answer = post
            .json(&json!({ "messages": messages }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }

    async fn status(&self) -> Value {
        let answer = self
            .http
            .get(format!("{}/status.json", self.console))
            .send();
        answer.await.unwrap().json().await.unwrap()
    }

    async fn functions(&self) -> Value {
        self.status().await["functions"].clone()
    }

    /// The functions' process, once it takes requests and is not `before`.
    async fn another(&self, before: Option<u64>) -> u64 {
        until("a process of the functions", async || {
            let functions = self.functions().await;
            let process = functions["process"].as_u64();
            process.filter(|id| Some(*id) != before).ok_or(functions)
        })
        .await
    }

    async fn all_acknowledged(&self) {
        until("every push to be acknowledged", async || {
            let status = self.status().await;
            let all = status["subscriptions"].as_array().unwrap();
            let knocks = all
                .iter()
                .find(|one| one["name"].as_str().unwrap().ends_with("/knocks"));
            if knocks.unwrap()["backlog"] == 0 {
                Ok(())
            } else {
                Err(status)
            }
        })
        .await;
    }
}

/// Deliveries of ours in the bucket, each once.
fn stored(folder: &Path) -> std::collections::BTreeSet<String> {
    let mut found = std::collections::BTreeSet::new();
    let mut folders = vec![folder.join(".farm/bucket/deliveries")];
    while let Some(dir) = folders.pop() {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            let ours = text.split('"').filter(|word| word.starts_with("knock-"));
            found.extend(ours.map(str::to_owned));
        }
    }
    found
}

#[tokio::test]
async fn functions_that_are_killed_in_the_middle_of_pushes_lose_none() {
    let folder = tempfile::tempdir().unwrap();
    let farm = Pushed::start(folder.path(), &[]).await;
    farm.subscribe().await;
    let mut process = farm.another(None).await;
    for (round, start) in (0..DELIVERIES).step_by(DELIVERIES / 3).enumerate() {
        farm.publish(start..start + DELIVERIES / 3).await;
        // Some are stored, and more are under way.
        until("a round of pushes to begin", async || {
            let functions = farm.functions().await;
            let calls = functions["calls"]["github-webhook"]["calls"].as_u64();
            if calls > Some(start as u64) {
                Ok(())
            } else {
                Err(functions)
            }
        })
        .await;
        kill(
            Pid::from_raw(i32::try_from(process).unwrap()),
            Signal::SIGKILL,
        )
        .unwrap();
        process = farm.another(Some(process)).await;
        assert_eq!(farm.functions().await["starts"], round + 2);
    }
    farm.all_acknowledged().await;
    let deliveries = stored(folder.path());
    assert_eq!(deliveries.len(), DELIVERIES, "{deliveries:?}");
    let functions = farm.functions().await;
    assert_eq!(functions["swaps"], 0);
    assert!(
        functions["trouble"].as_str().unwrap().contains("signal: 9"),
        "{functions}"
    );
    let url = format!("{}/calls?function=github-webhook", farm.console);
    let page = farm
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        page.contains("POST /github-webhook") && page.contains("knocks, message "),
        "{page}"
    );
    assert_eq!(farm.process.stop().await.code(), Some(0));
    assert!(kill(Pid::from_raw(i32::try_from(process).unwrap()), None).is_err());
}

#[tokio::test]
async fn a_new_build_takes_over_and_every_request_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let program = wrapper(folder.path());
    let farm = Pushed::start(folder.path(), &["--watch", "--functions", &program]).await;
    let before = farm.another(None).await;
    let swapped = async {
        std::fs::write(
            &program,
            std::fs::read_to_string(&program).unwrap() + "# built anew\n",
        )
        .unwrap();
        let process = farm.another(Some(before)).await;
        until("the old process to end", async || {
            match kill(Pid::from_raw(i32::try_from(before).unwrap()), None) {
                Ok(()) => Err(before),
                Err(_) => Ok(()),
            }
        })
        .await;
        process
    };
    let mut answers = Vec::new();
    let asked = async {
        loop {
            let get = farm.http.get(format!("{}healthz", farm.pages)).send();
            answers.push(get.await.unwrap().status().as_u16());
        }
    };
    tokio::select! {
        _ = swapped => {}
        () = asked => {}
    }
    assert!(
        answers.len() > 1 && answers.iter().all(|status| *status == 200),
        "{answers:?}"
    );
    let functions = farm.functions().await;
    assert_eq!(
        (&functions["starts"], &functions["swaps"]),
        (&json!(2), &json!(1)),
        "{functions}"
    );

    // One that does not start changes nothing.
    std::fs::write(&program, "#!/bin/sh\nexit 7\n").unwrap();
    let functions = until("the broken build to be refused", async || {
        let functions = farm.functions().await;
        let trouble = functions["trouble"].as_str().unwrap_or_default().to_owned();
        if trouble.contains("the new build was not taken") {
            Ok(functions)
        } else {
            Err(functions)
        }
    })
    .await;
    assert_eq!(
        (&functions["starts"], &functions["swaps"]),
        (&json!(2), &json!(1)),
        "{functions}"
    );
    let get = farm.http.get(format!("{}healthz", farm.pages)).send();
    assert_eq!(get.await.unwrap().status(), 200);
    assert_eq!(farm.process.stop().await.code(), Some(0));
}

/// A program that is the functions: the binary of all of the farm, run as such.
fn wrapper(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("wrapper");
    let text = format!(
        "#!/bin/sh\nexec {} functions \"$@\"\n",
        crate::binary().display()
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}
