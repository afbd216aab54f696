#![doc = include_str!("../README.md")]

mod dead;
mod engine;
mod gaps;
mod intake;
mod metrics;
mod outbox;
mod settings;
mod site;
mod sources;
mod status;
mod views;

use anyhow::Context;
use jiff::SignedDuration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use farm_bucket::Bucket;
use farm_bus::{Bus, SubscriptionSpec};
use farm_core::Policy;
use farm_runtime::{Clock, Ids};
use farm_store::{Durability, SqliteStore, Store};

use crate::gaps::{Known, Search};
use crate::status::Board;

pub use engine::{Counts, Leader, Round, Tellable};
pub use settings::{Args, ConfigFrom, Overlay, Settings};
pub use status::Status;

/// Inputs that may wait for the leader.
const INPUTS: usize = 1024;

/// Runs the coordinator until `shutdown`.
///
/// # Errors
/// A setting is wrong, the data folder or the bucket cannot be written, or another leader took over.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    let settings = args.settings()?;
    let (status, _) = watch::channel(Status::default());
    serve(settings, Clock::system(), Ids::system(), status, shutdown).await
}

/// The same, with settings at hand; tells its [`Status`] to `status`.
///
/// # Errors
/// As [`run`].
pub async fn serve(
    settings: Settings,
    clock: Clock,
    ids: Ids,
    status: watch::Sender<Status>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let (mut tasks, board, counts) = (
        JoinSet::new(),
        Board::new(clock.clone()),
        metrics::Counts::default(),
    );
    let page = match settings.listen {
        Some(address) => {
            let stop = shutdown.clone();
            Some(site::start(&mut tasks, address, &board, &counts, stop).await?)
        }
        None => None,
    };
    let Doorways {
        bucket,
        bus,
        store,
        history,
    } = tokio::select! {
        doors = open_doors(&settings) => doors?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let (inputs, received) = mpsc::channel(INPUTS);
    let (config, configs) = watch::channel(None);
    let outbox = outbox::start(&mut tasks, bus.clone());
    let views = views::start(&mut tasks, bucket.clone());
    let engine = engine::Engine::start(
        engine::Parts {
            store: Box::new(store) as Box<dyn Store>,
            policy: Policy {
                grace: settings.grace,
                missing_after: settings.missing_after,
                ..Policy::default()
            },
            clock: clock.clone(),
            outbox,
            views,
            config,
            status,
            bucket: bucket.clone(),
            history: Box::new(history),
            board: board.clone(),
            metrics: counts,
            page,
        },
        received,
    )
    .await?;
    let sources = sources::start(
        &mut tasks,
        &settings,
        (clock.clone(), ids.clone()),
        inputs.clone(),
        configs.clone(),
    );
    let known = Known::default();
    let search = Search {
        bucket: bucket.clone(),
        clock: clock.clone(),
        inputs: inputs.clone(),
        known: known.clone(),
        period: settings.poll * 5,
        grace: SignedDuration::try_from(settings.poll * 2)?,
    };
    tasks.spawn(search.run());
    dead::start(&mut tasks, &bus, &inputs, &board, settings.poll);
    intake::start(
        &mut tasks,
        &bus,
        &intake::Doors {
            inputs,
            sources,
            configs,
            config_holder: settings.config.holder(),
            clock,
            ids,
            board,
            known,
            grace: settings.grace,
        },
    );
    let end = engine.run(shutdown).await;
    // Everything that was told to us and not committed is still on the queue: these may be dropped at once.
    tasks.shutdown().await;
    end
}

/// What the coordinator needs of the world.
struct Doorways {
    bucket: Bucket,
    bus: Bus,
    store: SqliteStore,
    history: SqliteStore,
}

async fn open_doors(settings: &Settings) -> anyhow::Result<Doorways> {
    std::fs::create_dir_all(&settings.data)
        .with_context(|| format!("cannot create the data folder {}", settings.data.display()))?;
    let bucket = Bucket::open(&settings.bucket).context("cannot open the bucket")?;
    bucket
        .check_writable()
        .await
        .context("cannot write to the bucket")?;
    let bus = Bus::open(&settings.bus).context("cannot open the bus")?;
    bus.ensure(&SubscriptionSpec::coordinator())
        .await
        .context("cannot set up topics and subscriptions")?;
    let open = || SqliteStore::open(&settings.data.join("state.db"), Durability::Fsync);
    Ok(Doorways {
        bucket,
        bus,
        store: open()?,
        history: open()?,
    })
}
