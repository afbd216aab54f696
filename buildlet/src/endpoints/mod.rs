//! What a buildlet answers (`buildlet.md` 4 and 5).

mod access;
mod archive;
mod bridge;
mod connect_ssh;
mod debug;
mod exec;
mod fetched;
mod files;
mod go_mode;
mod ls;
mod plain;

use std::io;

use futures::future::{BoxFuture, FutureExt};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::http::{Connection, Encoding, Form, Handler, Head, Request};
use crate::machine::Machine;

/// The most bytes of a form body; a longer one counts as none.
const MAX_FORM: usize = 10 << 20;
/// What cannot stand in a path as it is.
const UNSAFE_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`');

impl Handler for Machine {
    fn handle<'a>(
        &'a self,
        request: Request,
        connection: &'a mut Connection,
    ) -> BoxFuture<'a, io::Result<()>> {
        self.route(request, connection).boxed()
    }
}

impl Machine {
    async fn route(&self, request: Request, connection: &mut Connection) -> io::Result<()> {
        if let Some(clean) = cleaned(&request.path) {
            return moved(&request, connection, &clean).await;
        }
        match request.path.as_str() {
            "/" => return plain::root(connection).await,
            "/healthz" => return plain::healthz(connection).await,
            "/debug/x" => return debug::letters(&request, connection).await,
            _ => {}
        }
        let Some(endpoint) = Endpoint::at(&request.path) else {
            return connection.error(404, "404 page not found").await;
        };
        if !self.admits(&request) {
            return connection.error(403, "invalid password").await;
        }
        match endpoint {
            Endpoint::Dump => debug::dump(self, connection).await,
            Endpoint::ConnectSsh => connect_ssh::connect_ssh(self, &request, connection).await,
            Endpoint::Ls => ls::ls(self, &request, connection).await,
            Endpoint::Status => plain::status(&request, connection).await,
            Endpoint::WorkDir => plain::work_dir(self, &request, connection).await,
            Endpoint::Halt => plain::halt(self, &request, connection).await,
            Endpoint::WriteTgz => archive::write_tgz(self, &request, connection).await,
            Endpoint::Tgz => archive::tgz(self, &request, connection).await,
            Endpoint::Write => files::write(self, &request, connection).await,
            Endpoint::RemoveAll => files::remove_all(self, &request, connection).await,
            Endpoint::Exec => exec::exec(self, &request, connection).await,
        }
    }
}

/// What only those who are admitted may use.
#[derive(Debug, Clone, Copy)]
enum Endpoint {
    Dump,
    ConnectSsh,
    Ls,
    Status,
    WorkDir,
    Halt,
    WriteTgz,
    Tgz,
    Write,
    RemoveAll,
    Exec,
}

impl Endpoint {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            // Open in 2019; later versions have it behind the password.
            "/debug/goroutines" => Self::Dump,
            "/connect-ssh" => Self::ConnectSsh,
            "/ls" => Self::Ls,
            "/status" => Self::Status,
            "/workdir" => Self::WorkDir,
            "/halt" => Self::Halt,
            "/writetgz" => Self::WriteTgz,
            "/tgz" => Self::Tgz,
            "/write" => Self::Write,
            "/removeall" => Self::RemoveAll,
            "/exec" => Self::Exec,
            _ => return None,
        })
    }
}

/// The path without `//`, `.` and `..`, if that is another one.
fn cleaned(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    let clean = format!("/{}{slash}", parts.join("/"));
    (clean != path).then_some(clean)
}

/// As Go's server has it: to GET and HEAD with a page.
async fn moved(request: &Request, connection: &mut Connection, path: &str) -> io::Result<()> {
    let mark = if request.query.is_empty() { "" } else { "?" };
    let path = utf8_percent_encode(path, UNSAFE_IN_PATH);
    let location = format!("{path}{mark}{}", request.query);
    let head = Head::new(301).with("Location", location.clone());
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return connection.respond(&head, b"").await;
    }
    let head = head.with("Content-Type", "text/html; charset=utf-8");
    let escaped = location
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;");
    let page = format!("<a href=\"{escaped}\">Moved Permanently</a>.\n\n");
    connection.respond(&head, page.as_bytes()).await
}

/// The parameters of a form body, none if it is no form or too long.
async fn posted(request: &Request, connection: &mut Connection) -> io::Result<Form> {
    if !matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        return Ok(Form::default());
    }
    let Some(encoding) = request.field("content-type").and_then(Encoding::of) else {
        return Ok(Form::default());
    };
    match connection.whole_body(MAX_FORM).await? {
        Some(body) => Ok(Form::of_body(body.freeze(), encoding).await),
        None => Ok(Form::default()),
    }
}

fn query(request: &Request) -> Form {
    Form::parse(request.query.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::cleaned;

    #[test]
    fn unclean_paths_have_a_clean_one() {
        assert_eq!(cleaned("//status").as_deref(), Some("/status"));
        assert_eq!(cleaned("/a/../status").as_deref(), Some("/status"));
        assert_eq!(cleaned("/status/"), None);
        assert_eq!(cleaned("/status"), None);
    }
}
