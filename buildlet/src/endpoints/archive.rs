//! Trees in and out (`buildlet.md` 4.2 and 4.5).

use std::io::{self, Read};
use std::time::SystemTime;

use farm_archive::{Error, Limits, create, create_members, extract, is_relative_dir};
use tokio::task::spawn_blocking;

use super::bridge::{self, Sink};
use super::{fetched, posted, query};
use crate::http::{Connection, Head, Request};
use crate::machine::Machine;
use crate::work_dir::{Bootstrap, WorkDir};

/// Size of the pieces in which an archive is sent.
const PIECE: usize = 64 * 1024;

/// A status and a text.
pub(super) type Refused = (u16, String);

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
        "POST" if dir == Bootstrap::DIR.as_bytes() && has_bootstrap(machine) => {
            connection.respond(&Head::new(200), b"SKIP").await
        }
        "POST" => {
            let form = posted(request, connection).await?.and(&query);
            match form.get("url") {
                b"" => connection.error(400, "missing url POST param").await,
                url => fetched::write_tgz(machine, dir, url, connection).await,
            }
        }
        _ => connection.error(400, "requires PUT or POST method").await,
    }
}

fn has_bootstrap(machine: &Machine) -> bool {
    let root = machine.work_dir.open();
    root.is_ok_and(|root| machine.work_dir.bootstrap.is_whole(&root))
}

/// Feeds the body to the unpacking thread until either is done.
async fn unpack(
    machine: &Machine,
    dir: Vec<u8>,
    connection: &mut Connection,
) -> io::Result<Result<(), Refused>> {
    let work_dir = machine.work_dir.clone();
    let (pieces, source) = bridge::source();
    let unpacking = spawn_blocking(move || unpack_into(&work_dir, &dir, source));
    bridge::feed(connection, pieces).await;
    unpacking.await.map_err(io::Error::other)
}

/// Unpacks an archive, wherever it comes from, into `dir` below the work dir. Blocks.
pub(super) fn unpack_into(
    work_dir: &WorkDir,
    dir: &[u8],
    source: impl Read,
) -> Result<(), Refused> {
    let root = work_dir.open().map_err(|error| (500, error.to_string()))?;
    let base = root
        .below(dir, true)
        .map_err(|error| (500, format!("mkdir of base: {error}")))?;
    let base = base.ok_or((400, "bogus dir".to_owned()))?;
    let unfinished = work_dir.bootstrap.begin(&root, &base);
    match extract(source, &base, &Limits::default(), now()) {
        Ok(done) => {
            if done.links_left_out > 0 {
                tracing::warn!(
                    links = done.links_left_out,
                    "symbolic links were left out: they lead out of the tree, or this is Windows"
                );
            }
            if done.times_failed > 0 {
                tracing::warn!(
                    files = done.times_failed,
                    "modification times could not be set"
                );
            }
            if let Some(unfinished) = unfinished {
                work_dir.bootstrap.done(unfinished, base);
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
    let produce = move |sink: &mut Sink| match single {
        true => create(&dir, sink).map(drop),
        false => create_members(&dir, sink).map(drop),
    };
    let head = Head::new(200).with("Content-Type", "application/x-gzip");
    match bridge::answer(connection, head, PIECE, produce).await? {
        Ok(()) => Ok(()),
        Err(error) => connection.error(500, &format!("tgz: {error}")).await,
    }
}
