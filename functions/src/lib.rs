#![doc = include_str!("../README.md")]

mod bearer;
mod columns;
pub mod commands;
pub mod dashboard;
mod documents;
mod doors;
pub mod gerrit_webhook;
pub mod github_webhook;
mod limit;
pub mod manifest;
mod names;
mod notice;
pub mod provision;
mod publish;
pub mod pubsubhelper;
pub mod report;
pub mod results;
pub mod retrybuilds;
mod secrets;
mod session;
pub mod sign_in;
mod site;
mod traced;
mod webhook;
mod y2019;

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use axum::Router;
use axum::routing::get;
use farm_runtime::{Vars, serve, shutdown};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// All functions at once, each on its own paths.
pub const ALL: &str = "all";

/// A function is what makes a router of settings.
pub type Build = fn(&Vars) -> anyhow::Result<Router>;

/// The functions, by the names that `FUNCTION_TARGET` and the manifest give them.
pub const FUNCTIONS: [(&str, Build); 10] = [
    ("commands", commands::build),
    ("dashboard", dashboard::build),
    ("gerrit-webhook", gerrit_webhook::build),
    ("github-webhook", github_webhook::build),
    ("provision", provision::build),
    ("pubsubhelper", pubsubhelper::build),
    ("report", report::build),
    ("results", results::build),
    ("retrybuilds", retrybuilds::build),
    ("sign-in", sign_in::build),
];

/// Command line and environment.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  FARM_BUCKET=gs://my-bucket functions --target dashboard
  FARM_BUS='pubsub://farm?endpoint=http://127.0.0.1:8085' FARM_BUCKET=file:///tmp/bucket \\
      GITHUB_WEBHOOK_SECRET=@/run/secrets/github functions --target github-webhook
  PORT=8080 functions --inside 127.0.0.1:8081    every one, with all their settings; queues push to the second port

Settings come from the environment; functions/manifest.json lists them. PORT is 8080 unless it is set.")]
pub struct Args {
    /// The function to serve: `all`, or one of manifest.json
    #[arg(long, env = "FUNCTION_TARGET", default_value = ALL)]
    target: String,
    /// Serve on this address alone, and say on standard output where that is; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Serve what queues and schedules call on this address, and say where. Where `all` are served, they reach them at no
    /// other: whoever else could might have mail sent to anybody
    #[arg(long, value_name = "ADDR")]
    inside: Option<SocketAddr>,
    /// End when standard input does: whoever started this process for itself holds the other end.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// What stands before the address in the line that `--listen` prints.
pub const LISTENING: &str = "listening on ";
/// The same of `--inside`.
pub const LISTENING_INSIDE: &str = "listening inside on ";

/// Serves the function that `args` names, where `args` says, or else on Lambda or on `PORT`, until `shutdown`.
///
/// # Errors
/// A setting is missing or wrong, or the port cannot be had.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let vars = secrets::fetched(Vars::from_environment()).await?;
    let router = router(&args.target, &vars)?;
    let mut triggers = manifest::triggers(&args.target)?;
    if args.until_stdin_closes {
        shutdown::when_stdin_closes(shutdown.clone())?;
    } else if args.target == ALL {
        // Whoever started us for himself looks himself at who calls; a platform guards the paths of a function alone.
        triggers = triggers.kept();
    }
    let inside = serve_on(
        args.inside,
        LISTENING_INSIDE,
        router.clone(),
        shutdown.clone(),
    );
    let outside = async {
        if args.listen.is_none() {
            return Ok(serve::serve(router, triggers, &vars, shutdown).await?);
        }
        serve_on(args.listen, LISTENING, triggers.on_port(router), shutdown).await
    };
    tokio::try_join!(inside, outside).map(drop)
}

/// Serves `router` on `address`, if there is one.
async fn serve_on(
    address: Option<SocketAddr>,
    said: &str,
    router: Router,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Some(address) = address else {
        return Ok(());
    };
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| {
        format!("cannot listen on {address}; --listen and --inside choose other addresses")
    })?;
    writeln!(std::io::stdout(), "{said}{}", listener.local_addr()?)?;
    Ok(serve::on(listener, router, shutdown).await?)
}

/// The router of the function `target`, or of [`ALL`]; with `/healthz`, which every process has.
///
/// # Errors
/// There is no such function, or a setting is missing or wrong.
pub fn router(target: &str, vars: &Vars) -> anyhow::Result<Router> {
    let mut router = Router::new().route("/healthz", get("ok\n"));
    let chosen = |name: &str| target == ALL || target == name;
    if !FUNCTIONS.iter().any(|(name, _)| chosen(name)) {
        let names = FUNCTIONS.map(|(name, _)| name).join(", ");
        bail!("there is no function {target:?}; there are {ALL}, {names}");
    }
    for (name, build) in FUNCTIONS.iter().filter(|(name, _)| chosen(name)) {
        let built = build(vars).with_context(|| format!("the function {name} cannot start"))?;
        router = router.merge(built);
    }
    Ok(router)
}
