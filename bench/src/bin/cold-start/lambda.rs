//! One start of a function, on the runtime API that Lambda has
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path as Route, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use functions::manifest::Function;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::report::Started;
use crate::secrets::Secrets;

/// Lambda gives it ten seconds to start in.
const PATIENCE: Duration = Duration::from_secs(10);

/// A function as Lambda starts it.
pub struct Program {
    pub name: String,
    path: PathBuf,
    settings: Vec<(String, String)>,
}

/// What the function did, and when.
enum Did {
    AskedFor,
    Answered(Value),
    Failed(Value),
}

type Seen = mpsc::Sender<(Instant, Did)>;

impl Program {
    /// The function `name`, with all that the manifest says it may have.
    pub fn new(path: &Path, name: &str, function: &Function, secrets: &Secrets) -> Self {
        let plain = function
            .settings
            .iter()
            .map(|name| (name.clone(), plain(name)));
        let named = function.secrets.iter().chain(&function.optional_secrets);
        // Without a provider the one secret that goes with it is none.
        let named = named.filter(|name| *name != "FARM_OIDC_CLIENT_SECRET");
        let named = named.map(|name| (name.clone(), secrets.reference(name)));
        let mut settings: Vec<_> = plain.chain(named).collect();
        settings.extend(secrets.environment());
        settings.push(("FUNCTION_TARGET".to_owned(), name.to_owned()));
        let memory = function.memory_mib.to_string();
        for (key, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", name),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ] {
            settings.push((key.to_owned(), value.to_owned()));
        }
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            settings,
        }
    }

    /// Starts it, and ends it after one answer.
    pub async fn start(&self) -> Started {
        let (seen, mut watch) = mpsc::channel(4);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut api = JoinSet::new();
        api.spawn(async move { axum::serve(listener, runtime_api(seen)).await.unwrap() });
        let began = Instant::now();
        let mut process = Command::new(&self.path)
            .env_clear()
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut next = async || {
            let seen = timeout(PATIENCE, watch.recv()).await;
            seen.unwrap_or_else(|_| panic!("{} does not start", self.name))
                .unwrap()
        };
        let (asked, did) = next().await;
        assert!(
            matches!(did, Did::AskedFor),
            "{} failed: see above",
            self.name
        );
        let (answered, did) = next().await;
        match did {
            Did::Answered(answer) if answer["statusCode"] == 200 => {}
            Did::Answered(answer) | Did::Failed(answer) => panic!("{}: {answer}", self.name),
            Did::AskedFor => panic!("{} asked twice", self.name),
        }
        process.kill().await.unwrap();
        Started {
            ready: milliseconds(asked - began),
            answered: milliseconds(answered - began),
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn plain(name: &str) -> String {
    let value = match name {
        "FARM_BUCKET" => "s3://farm-bucket",
        "FARM_BUS" => "aws://eu-west-1?account=123456789012",
        _ => panic!("what is {name} to be?"),
    };
    value.to_owned()
}

fn runtime_api(seen: Seen) -> Router {
    let once = Arc::new(tokio::sync::Mutex::new(Some(seen.clone())));
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .with_state(once)
        .route(
            "/2018-06-01/runtime/{*what}",
            post(answered).with_state(seen),
        )
}

/// The first invocation; there is no second one.
async fn next(State(seen): State<Arc<tokio::sync::Mutex<Option<Seen>>>>) -> Response {
    let Some(seen) = seen.lock().await.take() else {
        return std::future::pending().await;
    };
    seen.send((Instant::now(), Did::AskedFor)).await.unwrap();
    let headers = [
        (
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        ),
        ("lambda-runtime-deadline-ms", "32503680000000"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-west-1:123456789012:function:farm",
        ),
    ];
    (headers, Json(request())).into_response()
}

async fn answered(
    State(seen): State<Seen>,
    Route(what): Route<String>,
    body: String,
) -> StatusCode {
    let now = Instant::now();
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let did = if what.ends_with("/response") {
        Did::Answered(body)
    } else {
        Did::Failed(body)
    };
    // Whoever watches has seen enough.
    drop(seen.send((now, did)).await);
    StatusCode::ACCEPTED
}

/// `GET /healthz`, as an HTTP API of API Gateway tells of it.
fn request() -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/healthz", "rawQueryString": "", "headers": { "host": "farm" },
        "requestContext": {
            "accountId": "123456789012", "apiId": "a", "domainName": "farm", "domainPrefix": "farm", "requestId": "r",
            "routeKey": "$default", "stage": "$default", "time": "26/Nov/2026:10:00:00 +0000", "timeEpoch": 1_795_687_200_000_u64,
            "http": { "method": "GET", "path": "/healthz", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "bench" }
        },
        "isBase64Encoded": false
    })
}
