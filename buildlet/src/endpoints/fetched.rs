//! `/writetgz` with a URL: the machine fetches the archive itself (`buildlet.md` 4.2).

use std::io::{self, Read};

use tokio::task::spawn_blocking;

use super::archive::{Refused, unpack_into};
use crate::fetch::{Cancel, FetchError, Limits, shown};
use crate::http::{Connection, Head};
use crate::machine::Machine;

/// Fetches and unpacks into `dir`. A client that goes away ends it.
pub(super) async fn write_tgz(
    machine: &Machine,
    dir: Vec<u8>,
    url: &[u8],
    connection: &mut Connection,
) -> io::Result<()> {
    let Ok(url) = std::str::from_utf8(url).map(str::to_owned) else {
        return connection.error(400, "url POST param is not UTF-8").await;
    };
    let cancel = Cancel::default();
    let _ends_with_this_call = cancel.on_drop();
    let (work_dir, fetcher) = (machine.work_dir.clone(), machine.fetcher.clone());
    let fetching = spawn_blocking(move || {
        let answer = fetcher
            .get(&url, &Limits::LARGE, &cancel)
            .map_err(|error| not_fetched(&url, &error))?;
        let mut source = Source::new(answer.into_reader());
        let unpacked = unpack_into(&work_dir, &dir, &mut source);
        match source.error {
            Some(error) => Err((500, format!("fetching URL {}: {error}", shown(&url)))),
            None => unpacked,
        }
    });
    let unpacked = tokio::select! {
        unpacked = fetching => unpacked.map_err(io::Error::other)?,
        () = gone(connection) => return Err(io::ErrorKind::ConnectionAborted.into()),
    };
    match unpacked {
        Ok(()) => connection.respond(&Head::new(200), b"OK").await,
        Err((status, text)) => connection.error(status, &text).await,
    }
}

async fn gone(connection: &mut Connection) {
    connection.watched().wait().await;
}

/// The texts of 2019, without what may be secret in the URL.
fn not_fetched(url: &str, error: &FetchError) -> Refused {
    let url = shown(url);
    let text = match error {
        FetchError::Status(_) => format!("writetgz: fetching provided URL {url:?}: {error}"),
        _ => format!("fetching URL {url}: {error}"),
    };
    (500, text)
}

/// Remembers that reading failed: a broken download is not the archive's fault.
struct Source<R> {
    inner: R,
    error: Option<String>,
}

impl<R> Source<R> {
    fn new(inner: R) -> Self {
        Self { inner, error: None }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.error = Some(error.to_string());
        }
        read
    }
}
