//! Watches a local repository's refs, by reading only, and announces a change as GitHub would: by a signed webhook.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use farm_forge::signature::sign_github;

/// How often the refs are looked at. A look is a few stat calls.
const LOOK: Duration = Duration::from_millis(100);
/// Refs looked at; a repository with more is still noticed by the coordinator's own reading.
const MOST: usize = 10_000;
/// How often a webhook is tried.
const TRIES: u32 = 20;

/// Files whose change means that a ref may have moved.
type Prints = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// What is watched, and who is told.
#[derive(Debug, Clone)]
pub struct Watch {
    /// The repository's common git folder.
    pub git_dir: PathBuf,
    /// `owner/repo` in the webhook.
    pub full_name: String,
    /// Where functions are served.
    pub http: SocketAddr,
    /// The webhook's secret.
    pub secret: String,
}

impl Watch {
    /// Until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(10))
            .build()
            .context("cannot make an HTTP client")?;
        let mut last = self.look().await;
        let mut count = 0_u64;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                () = shutdown.cancelled() => return Ok(()),
            }
            let now = self.look().await;
            if now != last {
                count += 1;
                self.announce(&client, count).await;
                last = now;
            }
        }
    }

    async fn look(&self) -> Prints {
        let git_dir = self.git_dir.clone();
        tokio::task::spawn_blocking(move || prints(&git_dir))
            .await
            .unwrap_or_default()
    }

    async fn announce(&self, client: &reqwest::Client, count: u64) {
        let body = serde_json::json!({
            "ref": "refs/heads/*",
            "farm_up": { "process": std::process::id(), "count": count },
            "repository": { "full_name": self.full_name },
        });
        let body = body.to_string();
        for _ in 0..TRIES {
            match self.post(client, &body).await {
                Ok(status) if status.is_success() => return,
                Ok(status) => tracing::warn!(%status, "our own webhook was refused"),
                Err(error) => tracing::warn!(%error, "our own webhook did not get through"),
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn post(
        &self,
        client: &reqwest::Client,
        body: &str,
    ) -> reqwest::Result<reqwest::StatusCode> {
        let request = client
            .post(format!("http://{}/github-webhook", self.http))
            .header("content-type", "application/json")
            .header("x-github-event", "push")
            .header(
                "x-hub-signature-256",
                sign_github(self.secret.as_bytes(), body.as_bytes()),
            )
            .body(body.to_owned());
        Ok(request.send().await?.status())
    }
}

fn prints(git_dir: &Path) -> Prints {
    let mut prints = Prints::new();
    for name in ["HEAD", "packed-refs", "reftable/tables.list"] {
        print(&mut prints, git_dir.join(name));
    }
    let mut folders = vec![git_dir.join("refs/heads")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if prints.len() >= MOST {
                return prints;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => print(&mut prints, entry.path()),
                Err(_) => {}
            }
        }
    }
    prints
}

fn print(prints: &mut Prints, path: PathBuf) {
    if let Ok(found) = std::fs::metadata(&path) {
        // The inode's change also shows a ref that was rewritten within one tick of the clock.
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&found);
        #[cfg(not(unix))]
        let number = found.len();
        prints.insert(path, (found.modified().ok(), number));
    }
}
