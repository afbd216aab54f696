//! Single files and removal (`buildlet.md` 4.4 and 4.7).

use std::io;

use farm_archive::{Error, is_relative_path, remove, write_file};
use tokio::task::spawn_blocking;

use super::archive::status_of;
use super::{bridge, posted, query};
use crate::http::{Connection, Head, Request};
use crate::machine::Machine;

/// Bits of Go's file mode that say what kind of file it is, and those that mean something to us.
mod go_mode {
    pub const KIND: u32 = 1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
    pub const SET_UID: u32 = 1 << 23;
    pub const SET_GID: u32 = 1 << 22;
    pub const STICKY: u32 = 1 << 20;
}

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

/// A Go file mode in decimal as Unix bits; `None` if it is none of a regular file.
fn unix_mode(text: &[u8]) -> Option<u32> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let mode: i64 = std::str::from_utf8(text)
        .ok()
        .filter(|_| digits)?
        .parse()
        .ok()?;
    // Cut to 32 bits, as Go does.
    let mode = (mode & 0xffff_ffff) as u32;
    if mode & go_mode::KIND != 0 {
        return None;
    }
    let bit = |go, unix| if mode & go != 0 { unix } else { 0 };
    Some(
        mode & 0o777
            | bit(go_mode::SET_UID, 0o4000)
            | bit(go_mode::SET_GID, 0o2000)
            | bit(go_mode::STICKY, 0o1000),
    )
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
    let root = machine.work_dir.path().to_owned();
    match spawn_blocking(move || remove(&root, &paths))
        .await
        .map_err(io::Error::other)?
    {
        Ok(()) => connection.respond(&Head::new(200), b"").await,
        Err(error) => {
            connection
                .error(status_of(&error), &error.to_string())
                .await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::unix_mode;

    #[test]
    fn modes_are_decimal_and_of_go() {
        assert_eq!(unix_mode(b"420"), Some(0o644));
        assert_eq!(unix_mode(b"493"), Some(0o755));
        assert_eq!(unix_mode(b"8389101"), Some(0o4755));
        for bad in ["", "0x1ff", "rwx", "-1", "+1", "2147483648", "134217728"] {
            assert_eq!(unix_mode(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
