//! What lies in the work dir (`buildlet.md` 4.6).

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};

use farm_archive::{Found, Listing, is_relative_dir, list};
use jiff::Timestamp;
use sha1::{Digest, Sha1};

use super::bridge::{self, Sink};
use super::go_mode::{is_dir, is_regular, letters};
use super::query;
use crate::http::{Connection, Head, Request};
use crate::machine::Machine;

/// The longest listing that is sent with its length, and the size of the pieces of longer ones.
const PIECE: usize = 2048;
const READ: usize = 64 * 1024;

/// `/ls`: a line an entry. What fails after the first line cuts the connection.
pub(super) async fn ls(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "GET" {
        return connection.error(400, "requires GET method").await;
    }
    let query = query(request);
    let dir = query.get("dir").to_vec();
    if !is_relative_dir(&dir) {
        return connection.error(400, "bogus dir").await;
    }
    let listing = Listing {
        recursive: query.flag("recursive"),
        skip: query.all("skip").map(<[u8]>::to_vec).collect(),
    };
    let digest = query.flag("digest");
    let root = match machine.work_dir.open() {
        Ok(root) => root,
        Err(error) => return connection.error(500, &error.to_string()).await,
    };
    let produce = move |sink: &mut Sink| {
        let mut each = |found: &Found<'_>| line(found, digest, sink);
        let listed = list(&root, &dir, &listing, &mut each);
        if listed.is_err() {
            // What is said already goes out before the cut; if it cannot, all the same.
            let _ = sink.flush();
        }
        listed
    };
    match bridge::answer(connection, Head::new(200), PIECE, produce).await? {
        Ok(()) => Ok(()),
        Err(error) => connection.error(500, &format!("Walk error: {error}")).await,
    }
}

/// Names go out as the bytes that they are. The line is whole or not there: reading a file may fail.
fn line(found: &Found<'_>, digest: bool, sink: &mut Sink) -> io::Result<()> {
    let mode = found.mode();
    let mut line = letters(mode).into_bytes();
    line.push(b'\t');
    line.extend_from_slice(found.name);
    if is_dir(mode) {
        line.push(b'/');
    } else if is_regular(mode) {
        write!(line, "\t{}\t{}", found.size(), time(found.modified()))?;
        if digest {
            write!(line, "\t{}", sum(found.open()?, sink)?)?;
        }
    }
    line.push(b'\n');
    sink.write_all(&line)
}

/// RFC 3339 in UTC; of times no calendar has, the nearest one.
fn time(seconds: i64) -> String {
    let nearest = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    let time = Timestamp::from_second(seconds).unwrap_or(nearest);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// SHA-1 in lower-case hex; stops early when nobody waits for it any more.
fn sum(mut file: File, sink: &Sink) -> io::Result<String> {
    let (mut sum, mut piece) = (Sha1::new(), vec![0; READ]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            _ if sink.is_closed() => return Err(io::ErrorKind::BrokenPipe.into()),
            length => sum.update(&piece[..length]),
        }
    }
    Ok(sum.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_in_utc_and_always_some() {
        assert_eq!(time(1_795_380_267), "2026-11-22T20:44:27Z");
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(-1), "1969-12-31T23:59:59Z");
        assert!(time(i64::MAX).starts_with("9999-"));
    }
}
