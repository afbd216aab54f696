//! Trees in and out (`buildlet.md` 4.2 and 4.5).

use std::io::{self, Write};
use std::time::SystemTime;

use farm_archive::{Dir, Error, Limits, create, create_members, extract, is_relative_dir};
use tokio::task::spawn_blocking;

use super::bridge::{self, Source};
use super::{posted, query};
use crate::http::{Connection, Head, Request};
use crate::machine::Machine;

/// The bootstrap toolchain, which clients send without asking whether it is there.
const BOOTSTRAP: &str = "go1.4";

/// A status and a text.
type Refused = (u16, String);

/// `/writetgz`: unpacks the body into `dir`.
pub(super) async fn write_tgz(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    let query = query(request);
    let dir = query.get("dir").to_vec();
    if !is_relative_dir(&dir) {
        return connection.error(400, "bogus dir").await;
    }
    match request.method.as_str() {
        "PUT" => match unpack(machine, dir, connection).await? {
            Ok(()) => connection.respond(&Head::new(200), b"OK").await,
            Err((status, text)) => connection.error(status, &text).await,
        },
        "POST" if dir == BOOTSTRAP.as_bytes() && has_content(machine) => {
            connection.respond(&Head::new(200), b"SKIP").await
        }
        "POST" => {
            let form = posted(request, connection).await?.and(&query);
            match form.get("url") {
                b"" => connection.error(400, "missing url POST param").await,
                _ => {
                    connection
                        .error(501, "writetgz: this buildlet does not fetch URLs")
                        .await
                }
            }
        }
        _ => connection.error(400, "requires PUT or POST method").await,
    }
}

/// An upload that broke off leaves the folder empty: that is not there.
fn has_content(machine: &Machine) -> bool {
    let dir = machine.work_dir.path().join(BOOTSTRAP);
    std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
}

/// Feeds the body to the unpacking thread until either is done.
async fn unpack(
    machine: &Machine,
    dir: Vec<u8>,
    connection: &mut Connection,
) -> io::Result<Result<(), Refused>> {
    let work_dir = machine.work_dir.clone();
    let (pieces, source) = bridge::source();
    let unpacking = spawn_blocking(move || {
        let root = work_dir.open().map_err(|error| (500, error.to_string()))?;
        unpack_into(&root, &dir, source)
    });
    bridge::feed(connection, pieces).await;
    unpacking.await.map_err(io::Error::other)
}

fn unpack_into(root: &Dir, dir: &[u8], source: Source) -> Result<(), Refused> {
    let base = root
        .below(dir, true)
        .map_err(|error| (500, format!("mkdir of base: {error}")))?;
    let base = base.ok_or((400, "bogus dir".to_owned()))?;
    match extract(source, &base, &Limits::default(), now()) {
        Ok(done) => {
            if done.times_failed > 0 {
                tracing::warn!(
                    files = done.times_failed,
                    "modification times could not be set"
                );
            }
            Ok(())
        }
        Err(error) => Err((status_of(&error), error.to_string())),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that asks for the time: times of files are cut to it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Whose fault it is, as a status.
pub(super) fn status_of(error: &Error) -> u16 {
    match error {
        Error::Malformed(_) => 400,
        Error::Local { .. } => 500,
    }
}

/// `/tgz`: `dir` as a gzipped tar archive. What goes wrong after it began cuts the connection: there is no other way to
/// say so.
pub(super) async fn tgz(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "GET" {
        return connection.error(400, "requires GET method").await;
    }
    let query = query(request);
    let dir = query.get("dir");
    let opened = machine
        .work_dir
        .open()
        .and_then(|root| root.below(dir, false));
    let dir = match opened {
        Ok(Some(dir)) => dir,
        Ok(None) => return connection.error(400, "bogus dir").await,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return connection.error(404, &format!("tgz: {error}")).await;
        }
        Err(error) => return connection.error(500, &format!("tgz: {error}")).await,
    };
    // Released archives are read by some who stop after the first member.
    let single = query.get("pargzip") == b"0";
    let (sink, mut pieces) = bridge::sink();
    let packing = spawn_blocking(move || {
        let mut sink = if single {
            create(&dir, sink)?
        } else {
            create_members(&dir, sink)?
        };
        sink.flush().map_err(|error| Error::Local {
            what: "write archive".to_owned(),
            error,
        })
    });
    let Some(first) = pieces.recv().await else {
        let error = packing.await.map_err(io::Error::other)?.err();
        let text = error.map_or_else(
            || "nothing was packed".to_owned(),
            |error| error.to_string(),
        );
        return connection.error(500, &format!("tgz: {text}")).await;
    };
    let mut stream = connection
        .stream(&Head::new(200).with("Content-Type", "application/x-gzip"))
        .await?;
    stream.chunk(&first).await?;
    while let Some(piece) = pieces.recv().await {
        stream.chunk(&piece).await?;
    }
    packing
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)?;
    stream.finish(None).await
}
