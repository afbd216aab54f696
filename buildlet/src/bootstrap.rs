//! Toolchains that some machines must have before the first build (`buildlet.md` 9.5): fetched at the start.

use std::path::{Path, PathBuf};

use anyhow::Context;
use farm_archive::{Dir, remove};
use tokio::task::spawn_blocking;

use crate::fetch::{Cancel, Downloaded, Fetcher, Limits, download};
use crate::stage0::unpack;
use crate::vars::Vars;

const SOURCE: &str = "https://storage.googleapis.com/go-builder-data";

/// A machine that needs one.
struct Needed {
    os: &'static str,
    arch: &'static str,
    /// Families whose machines have one already contain this; empty for none.
    unless: &'static str,
    archive: &'static str,
    dir: &'static str,
}

/// Both byte orders have one name in Rust; only the big-endian one is meant.
const BIG_ENDIAN_POWER: &str = if cfg!(target_endian = "big") || cfg!(test) {
    "powerpc64"
} else {
    "none"
};

const TABLE: [Needed; 2] = [
    Needed {
        os: "solaris",
        arch: "x86_64",
        unless: "oracle",
        archive: "gobootstrap-solaris-amd64.tar.gz",
        dir: "/root/go-solaris-amd64-bootstrap",
    },
    Needed {
        os: "linux",
        arch: BIG_ENDIAN_POWER,
        unless: "",
        archive: "gobootstrap-linux-ppc64.tar.gz",
        dir: "/usr/local/go-bootstrap",
    },
];

impl Needed {
    fn on(os: &str, arch: &str, family: &str) -> Option<&'static Self> {
        TABLE.iter().find(|needed| {
            let has_one = !needed.unless.is_empty() && family.contains(needed.unless);
            (needed.os, needed.arch) == (os, arch) && !has_one
        })
    }
}

/// Makes sure of what this machine needs, if anything.
///
/// # Errors
/// It cannot be fetched or unpacked.
pub async fn install(vars: &Vars) -> anyhow::Result<()> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let Some(needed) = Needed::on(os, arch, vars.machine_family()) else {
        return Ok(());
    };
    let fetcher = Fetcher::new(Vec::new(), vars.proxies());
    let cancel = Cancel::default();
    let _ends_with_this_call = cancel.on_drop();
    spawn_blocking(move || {
        install_from(
            SOURCE,
            needed.archive,
            Path::new(needed.dir),
            &fetcher,
            &cancel,
        )
    })
    .await?
}

/// The archive stays beside the folder, to tell at the next start whether there is a newer one. The folder appears whole.
fn install_from(
    source: &str,
    archive: &str,
    dir: &Path,
    fetcher: &Fetcher,
    cancel: &Cancel,
) -> anyhow::Result<()> {
    let what = || format!("cannot install {archive} in {}", dir.display());
    let file = with_suffix(dir, ".tar.gz");
    let url = format!("{source}/{archive}");
    let above = dir.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(above).with_context(what)?;
    let downloaded =
        download(fetcher, &url, &file, None, &Limits::LARGE, cancel).with_context(what)?;
    if downloaded == Downloaded::Unchanged && dir.is_dir() {
        return Ok(());
    }
    let new = with_suffix(dir, ".new");
    let replaced = || -> anyhow::Result<()> {
        remove(&new, &["."])?;
        std::fs::create_dir(&new)?;
        let content = std::io::BufReader::new(std::fs::File::open(&file)?);
        unpack(content, &Dir::open(&new)?)?;
        remove(dir, &["."])?;
        Ok(std::fs::rename(&new, dir)?)
    };
    replaced().with_context(what)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use farm_wire::proxy::Proxies;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn the_table_says_who_needs_one() {
        let archive = |os, arch, family| Needed::on(os, arch, family).map(|needed| needed.archive);
        let solaris = Some("gobootstrap-solaris-amd64.tar.gz");
        assert_eq!(archive("solaris", "x86_64", ""), solaris);
        assert_eq!(
            archive("solaris", "x86_64", "solaris-amd64-oraclerel"),
            None
        );
        let linux = Some("gobootstrap-linux-ppc64.tar.gz");
        assert_eq!(archive("linux", "powerpc64", ""), linux);
        assert_eq!(archive("linux", "x86_64", ""), None);
    }

    fn archive(name: &str) -> Vec<u8> {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &b"x"[..]).unwrap();
        tar.into_inner().unwrap().finish().unwrap()
    }

    /// Serves `count` requests for `body`, last changed at `time`; counts those that fetched it.
    fn serve(listener: TcpListener, body: Vec<u8>, time: &str, count: usize) -> usize {
        let mut fetched = 0;
        for _ in 0..count {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nLast-Modified: {time}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
            if head.starts_with(b"GET ") {
                fetched += 1;
                stream.write_all(&body).unwrap();
            }
        }
        fetched
    }

    #[test]
    fn an_unchanged_archive_is_neither_fetched_nor_unpacked_again() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/go");
        let fetcher = Fetcher::new(Vec::new(), Proxies::none());
        let install = |name: &str, time: &'static str, requests: usize| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let source = format!("http://{}", listener.local_addr().unwrap());
            let body = archive(name);
            let served = std::thread::spawn(move || serve(listener, body, time, requests));
            install_from(&source, "x.tar.gz", &dir, &fetcher, &Cancel::default()).unwrap();
            served.join().unwrap()
        };
        let first = "Thu, 25 Apr 2019 10:00:00 GMT";
        assert_eq!(install("one", first, 2), 1);
        assert!(dir.join("one").is_file());
        std::fs::remove_file(dir.join("one")).unwrap();
        assert_eq!(install("one", first, 1), 0);
        assert!(!dir.join("one").exists(), "not unpacked again");
        assert_eq!(install("two", "Fri, 26 Apr 2019 10:00:00 GMT", 2), 1);
        assert!(dir.join("two").is_file() && !dir.join("one").exists());
        // A folder that is gone comes back.
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(install("two", "Fri, 26 Apr 2019 10:00:00 GMT", 1), 0);
        assert!(dir.join("two").is_file());
    }
}
