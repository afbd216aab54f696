//! What a buildlet answers (`buildlet.md` 4 and 5).

mod access;
mod archive;
mod bridge;
mod exec;
mod fetched;
mod files;
mod plain;

use std::io;

use futures::future::{BoxFuture, FutureExt};

use crate::http::{Connection, Form, Handler, Head, Request};
use crate::machine::Machine;

/// The most bytes of a form body; a longer one counts as none.
const MAX_FORM: usize = 10 << 20;

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
        let path = request.path.clone();
        if path == "/" {
            return plain::root(connection).await;
        }
        if let Some(clean) = cleaned(&path) {
            return moved(connection, &clean, &request.query).await;
        }
        let Some(endpoint) = Endpoint::at(&path) else {
            return connection.error(404, "404 page not found").await;
        };
        if !self.admits(&request) {
            return connection.error(403, "invalid password").await;
        }
        match endpoint {
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

async fn moved(connection: &mut Connection, path: &str, query: &str) -> io::Result<()> {
    let mark = if query.is_empty() { "" } else { "?" };
    let location: String = format!("{path}{mark}{query}")
        .chars()
        .filter(|c| !c.is_control())
        .collect();
    let head = Head::new(301)
        .with("Content-Type", "text/html; charset=utf-8")
        .with("Location", location);
    connection
        .respond(&head, b"<a>Moved Permanently</a>.\n\n")
        .await
}

/// The parameters of a form body, none if it is no form or too long.
async fn posted(request: &Request, connection: &mut Connection) -> io::Result<Form> {
    let kind = request.field("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if request.method != "POST" || !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Form::default());
    }
    let body = connection.whole_body(MAX_FORM).await?;
    Ok(body.map(|body| Form::parse(&body)).unwrap_or_default())
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
