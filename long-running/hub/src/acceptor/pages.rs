//! Small answers for people and probes.

use std::time::Duration;

use farm_wire::head::Refusal;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::{Doors, Request, refuse};

/// For an answer to be taken.
const LIMIT: Duration = Duration::from_secs(10);

/// Answers one request and closes.
pub async fn answer((head, mut stream): Request, doors: &Doors) {
    let page = match head.path() {
        "/healthz" => Some(("text/plain; charset=utf-8", "ok\n".to_owned())),
        "/status" => Some(("application/json; charset=utf-8", status(doors))),
        _ => None,
    };
    match page {
        Some((kind, body)) if head.method == "GET" => {
            let text = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let write = async {
                stream.write_all(text.as_bytes()).await?;
                stream.shutdown().await
            };
            drop(timeout(LIMIT, write).await);
        }
        Some(_) => {
            let refusal = Refusal::new(405, "expected a GET request");
            refuse(&mut stream, &refusal, &doors.identity.clock).await;
        }
        None => {
            let refusal = Refusal::new(404, "404 page not found");
            refuse(&mut stream, &refusal, &doors.identity.clock).await;
        }
    }
}

fn status(doors: &Doors) -> String {
    let status = doors.status.borrow().clone();
    serde_json::to_string(&status).unwrap_or_default()
}
