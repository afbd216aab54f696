//! The Pub/Sub emulator as a process.

use std::io::Write;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::environment::Environment;
use crate::site::{ConsoleArgs, Site};
use crate::up::ports::bind_given;

/// Command line.
#[derive(Debug, Clone, clap::Args)]
pub struct StartArgs {
    #[command(flatten)]
    server: farm_pubsub_emulator::Args,
    /// Print a line with this project too, for client libraries that read one; the emulator serves every project
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    #[command(flatten)]
    console: ConsoleArgs,
}

/// Serves until `shutdown`.
pub(super) async fn run(args: StartArgs, shutdown: CancellationToken) -> anyhow::Result<()> {
    let console = bind_console(&args.console).await?;
    let bound = farm_pubsub_emulator::bind(&args.server).await;
    let bound = bound.map_err(anyhow::Error::from_boxed)?;
    let environment = Environment::new(&bound.address, args.project.as_deref());
    let data = args.server.data();
    let _note = data.map(|folder| environment.note(folder)).transpose()?;
    let mut notes = std::io::stderr();
    let kept = data.map_or("in memory alone".to_owned(), |folder| {
        format!("in {}, over kill -9", folder.display())
    });
    writeln!(
        notes,
        "[pubsub] Farmhand's Pub/Sub emulator; what is published is kept {kept}"
    )?;
    let mut showing = JoinSet::new();
    if let Some(listener) = console {
        let at = listener.local_addr()?;
        writeln!(notes, "[pubsub] console at http://{at}/")?;
        let site = Site::new(bound.emulator.inspector(), None, at, shutdown.clone());
        showing.spawn(site.run(listener));
    }
    write!(std::io::stdout(), "{}", environment.exports())?;
    // As Google's emulator says it: some wait for this line.
    let port = bound.address.port();
    writeln!(notes, "[pubsub] INFO: Server started, listening on {port}")?;
    bound.serve(shutdown.cancelled_owned()).await?;
    while let Some(ended) = showing.join_next().await {
        ended.context("the console")??;
    }
    writeln!(notes, "[pubsub] stopped")?;
    Ok(())
}

async fn bind_console(args: &ConsoleArgs) -> anyhow::Result<Option<TcpListener>> {
    match args.address()? {
        None => Ok(None),
        Some(address) => bind_given(address, "--console").await.map(Some),
    }
}
