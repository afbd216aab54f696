//! Secrets Manager, as far as a start needs it: `GetSecretValue`
//! (<https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>), without TLS.

use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:farm/";

/// Served as long as this lives.
pub struct Secrets {
    url: String,
    _serving: JoinSet<()>,
}

impl Secrets {
    /// On a port of this computer.
    pub async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        let router = Router::new().route("/", post(value));
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            _serving: serving,
        }
    }

    /// What a setting is that the secret `name` is for.
    pub fn reference(&self, name: &str) -> String {
        format!("@{ARN}{name}-AbCdEf")
    }

    /// How a function finds this, and who it is.
    pub fn environment(&self) -> Vec<(String, String)> {
        let all = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "example"),
            ("AWS_SESSION_TOKEN", "example"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.url),
        ];
        all.map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }
}

async fn value(headers: HeaderMap, body: String) -> Json<Value> {
    assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
    let asked: Value = serde_json::from_str(&body).unwrap();
    let arn = asked["SecretId"].as_str().unwrap();
    assert!(arn.starts_with(ARN), "{arn}");
    Json(json!({
        "ARN": arn, "Name": arn, "VersionId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111",
        "SecretString": "0123456789abcdef0123456789abcdef", "VersionStages": ["AWSCURRENT"], "CreatedDate": 1_795_687_200.0
    }))
}
