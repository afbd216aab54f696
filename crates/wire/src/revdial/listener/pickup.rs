//! One pick-up.

use super::ask::{AskError, ask};
use crate::revdial::PICK_UP_LIMIT;
use crate::stream::{BoxStream, Connect};

/// Dials the hub again and asks for the connection of `conn_path`; the reason as peers of 2019 worded it, if it fails. A
/// redirect to another path is followed once. The caller holds the whole budget.
pub(super) async fn pick_up(
    connect: &dyn Connect,
    host: &str,
    conn_path: &str,
) -> Result<BoxStream, String> {
    check(conn_path)?;
    let stream = connect.connect().await.map_err(|error| error.to_string())?;
    let request = |path: &str| {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Go-http-client/1.1\r\n\r\n"
        );
        Ok::<_, AskError>(head.into_bytes())
    };
    let asked = ask(stream, conn_path, PICK_UP_LIMIT, request).await;
    let (head, stream) = asked.map_err(|error| error.to_string())?;
    match head.status {
        101 => Ok(Box::new(stream)),
        status => Err(format!("non-101 response {status} {}", head.reason)),
    }
}

/// Only a path on the hub's own connection, that can stand in a request line.
fn check(conn_path: &str) -> Result<(), String> {
    let bad = |why| Err(format!("bad connPath: {why}"));
    if !conn_path.starts_with('/') || conn_path.starts_with("//") {
        return bad("not a path");
    }
    if !conn_path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return bad("a character that no request line can carry");
    }
    let path = conn_path.split('?').next().unwrap_or_default();
    let escaped = |text: &str| {
        text.get(..2)
            .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    if path.split('%').skip(1).any(|text| !escaped(text)) {
        return bad("invalid URL escape");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_paths_on_the_hubs_own_connection_are_picked_up() {
        for good in ["/revdial?revdial.dialer=0a&x=1", "/", "/a%20b"] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "revdial",
            "//evil/x",
            "https://evil/x",
            "/%zz",
            "/a b",
            "/a\r\nX: y",
            "/%e",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
