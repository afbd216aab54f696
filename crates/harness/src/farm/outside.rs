//! What comes from outside, and what people and programs are shown.

use farm_forge::signature::sign_github;
use farm_model::event::Message;
use farm_model::message::result::RunFinished;
use farm_model::trace::{TRACEPARENT, TraceParent};
use farm_model::view::{BuildView, Cell, GridView, Status};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Farm, SECRET};
use crate::until;

impl Farm {
    /// A signed push as GitHub sends it; each has another body.
    pub fn push_body(&mut self) -> String {
        self.deliveries += 1;
        json!({ "ref": "refs/heads/main", "repository": { "full_name": "acme/demo" }, "n": self.deliveries }).to_string()
    }

    /// Posts a signed delivery; the answer's status.
    pub async fn deliver(&self, body: &str) -> reqwest::Result<u16> {
        let signature = sign_github(SECRET.as_bytes(), body.as_bytes());
        self.deliver_signed(body, Some(&signature)).await
    }

    /// Posts a signed delivery as part of a trace; the answer's status.
    pub async fn deliver_in_trace(&self, body: &str, trace: &TraceParent) -> reqwest::Result<u16> {
        let signature = sign_github(SECRET.as_bytes(), body.as_bytes());
        let request = self.delivery(body, Some(&signature));
        let request = request.header(TRACEPARENT, trace.as_str());
        Ok(request.send().await?.status().as_u16())
    }

    /// Posts a delivery with this signature, or none.
    pub async fn deliver_signed(
        &self,
        body: &str,
        signature: Option<&str>,
    ) -> reqwest::Result<u16> {
        let request = self.delivery(body, signature);
        Ok(request.send().await?.status().as_u16())
    }

    fn delivery(&self, body: &str, signature: Option<&str>) -> reqwest::RequestBuilder {
        let url = self.url("/github-webhook");
        let mut request = self.http.post(url).header("x-github-event", "push");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        request.body(body.to_owned())
    }

    /// Pushes until the webhook takes it, as GitHub's redelivery would.
    pub async fn push(&mut self) {
        let body = self.push_body();
        until("the webhook to take a push", async || {
            match self.deliver(&body).await {
                Ok(202) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Where functions serve `path`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[1])
    }

    /// Where functions serve `path` to queues and schedules.
    #[must_use]
    pub fn inside_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[4])
    }

    /// Where the coordinator serves `path` of its own pages.
    #[must_use]
    pub fn coordinator_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[3])
    }

    /// A JSON document that functions serve.
    pub async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        self.json_at(self.url(path)).await
    }

    /// A JSON document at a URL.
    pub async fn json_at<T: DeserializeOwned>(&self, url: String) -> Result<T, String> {
        let answer = self.http.get(url).send().await.map_err(|e| e.to_string())?;
        let text = answer.text().await.map_err(|e| e.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
    }

    /// The commit's cell on the dashboard.
    pub async fn cell(&self, commit: &str) -> Result<Cell, String> {
        let grid: GridView = self.json("/api/grid?repo=demo&branch=main").await?;
        let mut rows = grid.rows.into_iter();
        let row = rows
            .find(|row| row.commit.id.as_str() == commit)
            .ok_or("no such row")?;
        row.cells
            .into_iter()
            .flatten()
            .next()
            .ok_or_else(|| "no cell".to_owned())
    }

    /// Waits for the commit's build to be over, and shows all of it.
    pub async fn over(&self, commit: &str) -> BuildView {
        let build = until("the build to be over", async || {
            let cell = self.cell(commit).await?;
            let view: BuildView = self.json(&format!("/api/build/{}", cell.build)).await?;
            match view.status {
                Status::Queued | Status::Running => Err(format!("{:?} {}", view.status, view.why)),
                _ => Ok(view),
            }
        });
        build.await
    }

    /// The log of the last attempt.
    pub async fn log_of(&self, build: &BuildView) -> String {
        let run = build.runs.last().unwrap();
        let job = &run.jobs[0];
        let key = run.attempt_key(&job.name, job.attempts.last().unwrap().number);
        let answer = self.http.get(self.url(&format!("/log/{key}"))).send().await;
        answer.unwrap().text().await.unwrap()
    }

    /// Waits until `count` different results have been told.
    pub async fn results(&mut self, count: usize) {
        let mut told = std::mem::take(&mut self.told);
        until("results to be told", async || {
            for one in self.take("test").await? {
                let message = &one["message"];
                // Others speak on `results` too: who broke it, whose machine is missing.
                if message["attributes"]["ce-type"] != RunFinished::TYPE {
                    continue;
                }
                let id = message["attributes"]["ce-id"].as_str().unwrap().to_owned();
                let data = base64(message["data"].as_str().unwrap());
                let run = serde_json::from_slice(&data).unwrap();
                told.entry(id).or_insert((run, 0)).1 += 1;
            }
            if told.len() >= count {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        })
        .await;
        self.told = told;
    }
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}
