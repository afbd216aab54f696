//! Endpoints with a short answer and no parameters.

use std::io;

use crate::VERSION;
use crate::http::{Connection, Head, Request};
use crate::machine::Machine;

/// `/`: says that we live.
pub(super) async fn root(connection: &mut Connection) -> io::Result<()> {
    let text = format!("buildlet running on {}-{}\n", os(), arch());
    connection.respond(&Head::new(200), text.as_bytes()).await
}

/// `/healthz`: for supervisors.
pub(super) async fn healthz(connection: &mut Connection) -> io::Result<()> {
    connection.respond(&Head::new(200), b"ok").await
}

/// `/status`: unknown fields are tolerated by readers, `Version` stays a number.
pub(super) async fn status(request: &Request, connection: &mut Connection) -> io::Result<()> {
    if request.method != "GET" {
        return connection.error(400, "requires GET method").await;
    }
    let head = Head::new(200).with("Content-Type", "application/json; charset=utf-8");
    connection
        .respond(&head, format!("{{\"Version\":{VERSION}}}").as_bytes())
        .await
}

/// `/workdir`: the absolute path, no line end.
pub(super) async fn work_dir(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "GET" {
        return connection.error(400, "requires GET method").await;
    }
    connection
        .respond(
            &Head::new(200),
            machine.work_dir.path().as_os_str().as_encoded_bytes(),
        )
        .await
}

/// `/halt`: answers first, acts a second later.
pub(super) async fn halt(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "POST" {
        return connection.error(400, "requires POST method").await;
    }
    let answered = connection.respond(&Head::new(200), b"").await;
    machine.halt();
    answered
}

/// In Go's words.
fn os() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
}

fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64",
        arch => arch,
    }
}
