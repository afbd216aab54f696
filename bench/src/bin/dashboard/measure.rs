//! A dashboard on a bucket in a folder, asked in process.

use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use bench::figures::percentile;
use bench::machine::cpu_seconds;
use farm_bucket::{Bucket, folder_url};
use farm_model::id::AttemptKey;
use farm_model::message::progress::LogSummary;
use farm_model::view::key;
use farm_runtime::Vars;
use serde::Serialize;
use tower::ServiceExt;

use crate::history::{BRANCH, History, Place};
use crate::pages::Page;

/// Builds and commits that have documents: as many as requests can tell apart.
pub const BUILDS: u64 = 2000;
/// Lines of the ordinary log, and of the large one.
const LINES: (u64, u64) = (10_000, 1_000_000);

/// A farm's pages.
pub struct Site<'a> {
    history: &'a History,
    router: Router,
    large: AttemptKey,
}

/// What one kind of page costs.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Milliseconds of a request to an address that was not asked for before, where the page has several.
    pub p50: f64,
    pub p99: f64,
    /// Bytes of an answer as a browser gets it, compressed; the median.
    pub bytes: f64,
    /// Requests to one address, again and again, in a second of a core.
    pub per_core: f64,
}

impl<'a> Site<'a> {
    /// Writes the documents and opens the dashboard.
    pub async fn on(history: &'a History, folder: &Path) -> Self {
        let bucket = Bucket::open(&folder_url(folder).unwrap()).unwrap();
        let large = write(history, &bucket).await;
        let vars = Vars::default().with("FARM_BUCKET", bucket.url());
        Self {
            history,
            router: functions::router("dashboard", &vars).unwrap(),
            large,
        }
    }

    pub async fn measure(&self, page: Page, requests: u32, seconds: u64) -> Figures {
        let address = |n| page.address(self.history, n, &self.large);
        self.ask(&address(u64::from(requests))).await;
        let (mut times, mut sizes) = (Vec::new(), Vec::new());
        for n in 0..u64::from(requests) {
            let began = Instant::now();
            let bytes = self.ask(&address(n)).await;
            times.push(began.elapsed().as_secs_f64() * 1e3);
            sizes.push(bytes as f64);
        }
        Figures {
            p50: percentile(&times, 0.5),
            p99: percentile(&times, 0.99),
            bytes: percentile(&sizes, 0.5),
            per_core: self.again(&address(0), Duration::from_secs(seconds)).await,
        }
    }

    async fn again(&self, address: &str, length: Duration) -> f64 {
        let pid = std::process::id();
        let (began, cpu, mut count) = (Instant::now(), cpu_seconds(pid), 0_u32);
        while began.elapsed() < length {
            self.ask(address).await;
            count += 1;
        }
        f64::from(count) / (cpu_seconds(pid) - cpu).max(0.01)
    }

    /// Bytes of the answer.
    async fn ask(&self, address: &str) -> usize {
        let request = Request::get(address)
            .header(header::HOST, "farm.example.org")
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .header(header::ACCEPT_ENCODING, "gzip");
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{address}");
        to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap()
            .len()
    }
}

async fn put(bucket: &Bucket, key: &str, view: &impl Serialize) {
    let text = serde_json::to_string(view).unwrap();
    bucket.put_view(key, text.into(), None).await.unwrap();
}

/// All documents of the history; the attempt with the large log.
async fn write(history: &History, bucket: &Bucket) -> AttemptKey {
    let repo = &history.repo;
    put(bucket, key::FARM, &history.farm()).await;
    put(bucket, key::FLAKES, &history.flakes(1000)).await;
    put(bucket, &key::grid(repo, BRANCH), &history.grid()).await;
    put(bucket, &key::tests(repo, BRANCH), &history.tests()).await;
    put(bucket, &key::breakages(repo, BRANCH), &history.breakages()).await;
    for sheet in 0..history.sheets() {
        put(
            bucket,
            &key::sheet(repo, BRANCH, sheet),
            &history.sheet(sheet),
        )
        .await;
    }
    for builder in 0..history.builders.len() {
        let queue = history.queue(builder);
        put(bucket, &key::queue(&queue.host), &queue).await;
        put(
            bucket,
            &key::builder(&history.builders[builder]),
            &history.builder(builder),
        )
        .await;
    }
    let usual = log(bucket, LINES.0).await;
    for place in (0..BUILDS).map(|n| history.somewhere(n)) {
        build(history, bucket, place, &usual).await;
        let commit = history.id(place.commit);
        put(
            bucket,
            &key::commit(repo, &commit),
            &history.commit_view(place.commit),
        )
        .await;
    }
    let (place, large) = (history.somewhere(BUILDS), log(bucket, LINES.1).await);
    build(history, bucket, place, &large).await;
    let build = history.key(place).id();
    format!("{build}/1/tests-3/1").parse().unwrap()
}

async fn build(history: &History, bucket: &Bucket, place: Place, log: &LogSummary) {
    let view = history.build(place, log);
    put(bucket, &key::build(&view.build.id), &view).await;
}

/// A log of lines of a hundred bytes that ends with a failure.
async fn log(bucket: &Bucket, lines: u64) -> LogSummary {
    let line = |n| {
        format!(
            "{:<98}\n",
            format!("=== RUN   TestNumber{n} of net/package{}", n % 200)
        )
    };
    let mut text: String = (0..lines).map(line).collect();
    text +=
        "--- FAIL: TestServerTimeouts (5.00s)\n    server_test.go:210: timed out after 5s\nFAIL\n";
    let bytes = text.len() as u64;
    let whole = bucket.put_blob(text.into()).await.unwrap();
    LogSummary {
        bytes,
        dropped: 0,
        whole: Some(whole),
        hash: None,
    }
}
