//! What starts first on a machine (`buildlet.md` 10.1): fetches the newest buildlet, makes sure of it, runs it. It is part of
//! images that are hard to change, so it does little.

mod child;
mod network;
mod source;
mod update;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use farm_archive::{Dir, Limits, extract};
use farm_wire::revdial::listener::Backoff;

use crate::args::Stage0Args;
use crate::fetch::Fetcher;
use crate::os;
use crate::vars::Vars;
use child::Delays;
use update::Update;

const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A buildlet that ran so long is started again at once; one that ended earlier might do so for ever.
const GOOD_RUN: Duration = Duration::from_secs(10);

/// Runs the newest buildlet until it ends, and again if asked; or unpacks an archive.
///
/// # Errors
/// Nothing trustworthy could be fetched, or the buildlet failed, and it is not to be tried again.
pub async fn run(
    args: Stage0Args,
    mut vars: Vars,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    if let (Some(file), Some(dir)) = (&args.untar_file, &args.untar_dest_dir) {
        return untar(file, dir);
    }
    os::complete(&mut vars);
    let fetcher = Fetcher::with_ca(args.ca.as_deref(), vars.proxies())?;
    tokio::pin!(shutdown);
    let began = Instant::now();
    let url = tokio::select! {
        url = source::url(&args, &vars) => url?,
        () = &mut shutdown => return Ok(()),
    };
    let mut update = Update::new(fetcher, url, &args);
    tokio::select! {
        waited = network::wait(&update, args.network_wait) => waited?,
        () = &mut shutdown => return Ok(()),
    }
    let network = began.elapsed();
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    loop {
        let began = Instant::now();
        let updated = tokio::select! {
            updated = update.fetch() => updated,
            () = &mut shutdown => return Ok(()),
        };
        let delays = Delays {
            network,
            download: began.elapsed(),
        };
        let started = Instant::now();
        let ended = match updated {
            Ok(()) => child::run(&args, &vars, delays, &mut shutdown).await,
            Err(error) => Err(error),
        };
        let wait = match ended {
            Ok(child::End::Told) => return Ok(()),
            Ok(child::End::Itself) if !args.again => return Ok(()),
            Ok(child::End::Itself) if started.elapsed() >= GOOD_RUN => {
                backoff.reset();
                continue;
            }
            Ok(child::End::Itself) => {
                tracing::warn!("the buildlet ended at once, without an error");
                backoff.next_wait()
            }
            Err(error) if !args.again => return Err(error),
            Err(error) => {
                tracing::error!("{error:#}");
                backoff.next_wait()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = &mut shutdown => return Ok(()),
        }
    }
}

/// Unpacks `file`, a gzipped tar archive, into `dir`, which is made if it is missing.
fn untar(file: &Path, dir: &Path) -> anyhow::Result<()> {
    let source =
        std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    std::fs::create_dir_all(dir)
        .and_then(|()| Dir::open(dir))
        .with_context(|| format!("cannot make {}", dir.display()))
        .and_then(|dir| unpack(std::io::BufReader::new(source), &dir))
        .with_context(|| format!("cannot unpack {}", file.display()))
}

/// Unpacks, times cut to now.
///
/// # Errors
/// It is no such archive, or the disk is full.
pub fn unpack(source: impl std::io::Read, dir: &Dir) -> anyhow::Result<()> {
    match extract(source, dir, &Limits::default(), now()) {
        Ok(_) => Ok(()),
        Err(error) => bail!("{error}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "times of files are cut to it; nothing is decided by it"
)]
fn now() -> SystemTime {
    SystemTime::now()
}
