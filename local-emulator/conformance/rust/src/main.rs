//! Runs the cases against a server, and writes a line of JSON a case.

use std::io::Write;

use clap::Parser;
use pubsub_conformance::{Clients, all};
use tokio::task::JoinSet;

/// Cases for any Pub/Sub server, through the official Rust client: a line of JSON a case.
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// The server, as http://127.0.0.1:8085
    #[arg(long)]
    url: String,
    /// Only cases whose name contains this
    #[arg(long, default_value = "")]
    only: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let clients = Clients::connect(&cli.url).await?;
    let mut running = JoinSet::new();
    for (n, case) in all()
        .filter(|case| case.name.contains(&cli.only))
        .enumerate()
    {
        // The process id keeps two runs against one server apart.
        let project = format!("rust-{}-{n}", std::process::id());
        running.spawn(case.outcome(clients.clone(), project));
    }
    while let Some(outcome) = running.join_next().await {
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&outcome?)?)?;
    }
    Ok(())
}
