//! Kubernetes as a process.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use farm_cloud_emulator::Bound;
use farm_cloud_emulator::kubernetes::{Kubernetes, Node, Options};

use super::{folder, note, own};

/// Command line.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,
    /// Namespaces beside `default`
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "farm"
    )]
    namespaces: Vec<String>,
    /// Images that run this very program's buildlet
    #[arg(
        long,
        value_name = "IMAGE,…",
        value_delimiter = ',',
        default_value = "buildlet"
    )]
    images: Vec<String>,
    /// Processors of the node [default: as many as are wanted]
    #[arg(long)]
    cpus: Option<u64>,
    /// The folder of the pods' folders, and of a kubeconfig
    #[arg(long, value_name = "DIR", default_value = ".farm/kubernetes")]
    data_dir: PathBuf,
}

const EXAMPLES: &str = "Examples:
  farm emulator kubernetes --listen 127.0.0.1:0 --images buildlet:1
  curl -X PUT $URL/emulator/node -d '{\"cpus\": 0}'                       no further pod that wants processors fits
  curl -X POST $URL/emulator/namespaces/farm/pods/NAME/lose             its node goes away
  curl $URL/emulator/machines                                           every pod with its process group

It prints the line that clients need, `export KUBECONFIG=…`, once it takes connections. A pod runs as you, in a folder of its
own. All of them end with the emulator, however that ends.";

/// Serves until `shutdown`.
///
/// # Errors
/// The port is taken, or the folder cannot be used.
pub(crate) async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let machines = folder(&args.data_dir)?;
    let entry = vec![own()?.display().to_string(), "buildlet".to_owned()];
    let images = args.images.into_iter().map(|image| (image, entry.clone()));
    let options = Options {
        namespaces: args.namespaces,
        node: Node {
            cpus: args.cpus,
            ..Node::default()
        },
        ..Options::new(&machines, images.collect())
    };
    let bound = Bound::bind(args.listen).await?;
    let config = machines.join("kubeconfig");
    std::fs::write(&config, kubeconfig(bound.address))
        .with_context(|| format!("cannot write {}", config.display()))?;
    note("[kubernetes] Farmhand's Kubernetes emulator; pods run as you")?;
    writeln!(std::io::stdout(), "export KUBECONFIG={}", config.display())?;
    Kubernetes::new(options)
        .serve(bound, shutdown.cancelled_owned())
        .await?;
    note("[kubernetes] stopped")?;
    Ok(())
}

/// What clients read to find the emulator.
fn kubeconfig(address: SocketAddr) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters: [{{ name: emulator, cluster: {{ server: \"http://{address}\" }} }}]
users: [{{ name: nobody, user: {{}} }}]
contexts: [{{ name: emulator, context: {{ cluster: emulator, user: nobody, namespace: farm }} }}]
current-context: emulator
"
    )
}
