//! Compute Engine as a process.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use farm_cloud_emulator::Bound;
use farm_cloud_emulator::gce::{Gce, Knobs, Options, endpoint};

use super::{folder, note, own};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8087")]
    listen: SocketAddr,
    /// The zones that there are
    #[arg(
        long,
        value_name = "ZONE,…",
        value_delimiter = ',',
        default_value = "europe-west4-a,europe-west4-b,europe-west4-c"
    )]
    zones: Vec<String>,
    /// The images that there are, by the last part of their names [default: any]
    #[arg(long, value_name = "IMAGE,…", value_delimiter = ',')]
    images: Vec<String>,
    /// The folder of the machines' folders
    #[arg(long, value_name = "DIR", default_value = ".farm/gce")]
    data_dir: PathBuf,
    /// What is served at /buildlet/<name> [default: this very program's]
    #[arg(long, value_name = "PATH")]
    buildlet: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  farm emulator gce --listen 127.0.0.1:0            on any free port
  curl -X PUT $URL/emulator/zones/europe-west4-a -d '{\"stock\": \"exhausted\"}'   there are no machines in that zone
  curl -X POST $URL/emulator/zones/europe-west4-a/instances/NAME/preempt         a spot machine is taken back
  curl $URL/emulator/machines                       every machine with its process group

It prints the line that clients need, `export CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE=…`, once it takes connections. An
instance runs its `startup-script` as you, in a folder of its own. All of them end with the emulator, however that ends.";

/// Serves until `shutdown`.
///
/// # Errors
/// The port is taken, or the folder cannot be used.
pub(crate) async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let machines = folder(&args.data_dir)?;
    let buildlet = match args.buildlet {
        Some(path) => path,
        None => own_buildlet(&machines)?,
    };
    let zones = args.zones.into_iter().map(|zone| (zone, Knobs::default()));
    let options = Options {
        zones: zones.collect::<BTreeMap<_, _>>(),
        images: args.images,
        buildlet: Some(buildlet),
        ..Options::new(machines, &[])
    };
    let bound = Bound::bind(args.listen).await?;
    note("[gce] Farmhand's Compute Engine emulator; machines run as you")?;
    let variable = "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE";
    let at = endpoint(bound.address);
    writeln!(std::io::stdout(), "export {variable}={at}/")?;
    Gce::new(options)
        .serve(bound, shutdown.cancelled_owned())
        .await?;
    note("[gce] stopped")?;
    Ok(())
}

/// A program of its own for what is a command of this one.
fn own_buildlet(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = folder.join("buildlet");
    let own = own()?.display().to_string().replace('\'', r"'\''");
    let script = format!("#!/bin/sh\nexec '{own}' buildlet \"$@\"\n");
    let written = std::fs::write(&path, script)
        .and_then(|()| std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
