//! Single files and removal (`buildlet.md` 4.4 and 4.7).

use std::io;

use farm_archive::{Error, is_relative_path, write_file};
use tokio::task::spawn_blocking;

use super::archive::status_of;
use super::go_mode::unix_mode;
use super::{bridge, posted, query};
use crate::http::{Connection, Head, Request};
use crate::machine::Machine;
use crate::removal;

/// `/write`: the body becomes the file `path` with exactly `mode`.
pub(super) async fn write(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "PUT" {
        // What it says since 2019, though it wants PUT.
        return connection.error(400, "requires POST method").await;
    }
    let query = query(request);
    let path = query.get("path").to_vec();
    if !is_relative_path(&path) {
        return connection.error(400, "bad path").await;
    }
    let Some(mode) = unix_mode(query.get("mode")) else {
        return connection.error(400, "bad mode").await;
    };
    let work_dir = machine.work_dir.clone();
    let (pieces, source) = bridge::source();
    let writing = spawn_blocking(move || {
        let root = work_dir.open().map_err(|error| Error::Local {
            what: "work dir".to_owned(),
            error,
        })?;
        write_file(&root, &path, mode, source)
    });
    bridge::feed(connection, pieces).await;
    match writing.await.map_err(io::Error::other)? {
        Ok(()) => connection.respond(&Head::new(200), b"OK").await,
        Err(error) => {
            connection
                .error(status_of(&error), &error.to_string())
                .await
        }
    }
}

/// `/removeall`: removes each `path`, none if one of them is bad.
pub(super) async fn remove_all(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "POST" {
        return connection.error(400, "requires POST method").await;
    }
    let form = posted(request, connection).await?.and(&query(request));
    let paths: Vec<Vec<u8>> = form.all("path").map(<[u8]>::to_vec).collect();
    if paths.is_empty() {
        return connection.error(400, "requires 'path' parameter").await;
    }
    machine.work_dir.bootstrap.let_go(&paths);
    match removal::remove_all(machine.work_dir.path(), paths).await {
        Ok(()) => connection.respond(&Head::new(200), b"").await,
        Err(error) => {
            connection
                .error(status_of(&error), &error.to_string())
                .await
        }
    }
}
