#![doc = include_str!("../README.md")]

mod dead;
mod engine;
mod gaps;
mod intake;
mod leadership;
mod metrics;
mod outbox;
mod settings;
mod site;
mod sources;
mod status;
mod sweep;
mod views;

use std::net::SocketAddr;

use anyhow::Context;
use jiff::SignedDuration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use farm_bucket::Bucket;
use farm_bus::{Bus, SubscriptionSpec};
use farm_core::Policy;
use farm_model::view::Role;
use farm_runtime::{Clock, Ids};
use farm_store::Store;

use crate::gaps::{Known, Search};
use crate::leadership::{BrokeDown, Fenced, Handle, Leadership};
use crate::status::Board;

pub use engine::{
    Checkpoint, Counts, Difference, Leader, Place, PlayError, Played, Player, Replayed, Round,
    Span, Tellable, recalled, replay, unknown_to,
};
pub use farm_core::keep::{Area, Limit};
pub use farm_store::StateUrl;
pub use settings::{AgeArgs, Args, ConfigFrom, KeepArgs, Overlay, Settings, StateArg};
pub use status::Status;
pub use sweep::{Looked, Prospect, Tally, dry_run};

/// Inputs that may wait for the leader.
const INPUTS: usize = 1024;

/// Runs the coordinator until `shutdown`: as the leader, or standing by while another one leads.
///
/// # Errors
/// A setting is wrong, or the data folder, the bucket or the state cannot be written.
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
    let board = Board::new(clock.clone());
    let counts = metrics::Counts::default();
    let mut pages = JoinSet::new();
    let page = match settings.listen {
        Some(address) => {
            let stop = shutdown.clone();
            Some(site::start(&mut pages, address, &board, &counts, stop).await?)
        }
        None => None,
    };
    let doors = tokio::select! {
        doors = open_doors(&settings) => doors?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let world = World {
        settings: &settings,
        clock: &clock,
        ids: &ids,
        status: &status,
        board: &board,
        counts: &counts,
        page,
    };
    board.becomes(Role::Standby, 0);
    while let Some(after) = leadership::turn(&doors.state, &shutdown).await? {
        match lead(&doors, world, after, shutdown.clone()).await {
            Err(error) if leadership::may_lead_again(&error) => {
                tracing::warn!("{error:#}");
                status.send_replace(Status::default());
                board.becomes(Role::Standby, 0);
                leadership::breathe(&shutdown).await;
            }
            end => return end,
        }
    }
    Ok(())
}

/// What a leadership takes from its process.
#[derive(Clone, Copy)]
struct World<'a> {
    settings: &'a Settings,
    clock: &'a Clock,
    ids: &'a Ids,
    status: &'a watch::Sender<Status>,
    board: &'a Board,
    counts: &'a metrics::Counts,
    page: Option<SocketAddr>,
}

/// Leads after the leader that was last seen as `after`, until `shutdown` or until another one does.
async fn lead(
    doors: &Doorways,
    world: World<'_>,
    after: farm_store::Leader,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let World {
        settings,
        clock,
        ids,
        status,
        board,
        counts,
        page,
    } = world;
    let (bucket, bus) = (doors.bucket.clone(), doors.bus.clone());
    let (inputs, received) = mpsc::channel(INPUTS);
    let (config, configs) = watch::channel(None);
    let mut tasks = JoinSet::new();
    let policy = Policy {
        grace: settings.grace,
        missing_after: settings.missing_after,
        gather: settings.gather,
        snapshots_kept: farm_core::keep::days(settings.keep.snapshots),
        ..Policy::default()
    };
    let since = farm_core::policy::earlier(clock.now(), policy.remembered);
    let (store, epoch) = leadership::follow(doors.another().await?, after).await?;
    let leadership = Leadership::new(doors.state.clone(), epoch);
    // From here on: reading the state may take longer than silence is forgiven.
    tasks.spawn(leadership.clone().renew());
    let (store, mut loaded) = engine::load(store, epoch, since).await?;
    let outbox = outbox::start(&mut tasks, bus.clone());
    let writer = views::Writer::new(
        bucket.clone(),
        leadership.clone(),
        clock.clone(),
        std::mem::take(&mut loaded.views),
    );
    let views = views::start(&mut tasks, writer);
    let engine = engine::Engine::start(
        engine::Parts {
            store,
            loaded,
            policy,
            clock: clock.clone(),
            outbox,
            views,
            config,
            status: status.clone(),
            bucket: bucket.clone(),
            history: doors.another().await?,
            shelf: doors.another().await?,
            healer: doors.another().await?,
            leadership: leadership.clone(),
            board: board.clone(),
            metrics: counts.clone(),
            page,
        },
        received,
    );
    let sources = sources::start(
        &mut tasks,
        settings,
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
    let sweep = sweep::Sweep::new(sweep::Parts {
        bucket: bucket.clone(),
        store: doors.another().await?,
        leadership: leadership.clone(),
        clock: clock.clone(),
        keep: settings.keep,
        board: board.clone(),
        counts: counts.clone(),
    });
    sweep::start(&mut tasks, sweep, settings.sweep, inputs.clone());
    dead::start(&mut tasks, &bus, &inputs, board, settings.poll);
    intake::start(
        &mut tasks,
        &bus,
        &intake::Doors {
            inputs,
            sources,
            configs,
            config_holder: settings.config.holder(),
            clock: clock.clone(),
            ids: ids.clone(),
            board: board.clone(),
            known,
            grace: settings.grace,
        },
    );
    let end = tokio::select! {
        biased;
        () = leadership.over() => Err(Fenced.into()),
        end = engine.run(shutdown.clone()) => end,
        () = broke_down(&mut tasks, &shutdown) => Err(BrokeDown.into()),
    };
    // Everything that was told to us and not committed is still on the queue: these may be dropped at once.
    tasks.shutdown().await;
    end
}

/// Until one of the tasks ends that work as long as there is a leader. At the end they may end as they like.
async fn broke_down(tasks: &mut JoinSet<()>, shutdown: &CancellationToken) {
    let ended = tasks.join_next().await;
    if shutdown.is_cancelled() {
        return std::future::pending().await;
    }
    if let Some(Err(error)) = ended {
        tracing::error!(%error, "a task of the coordinator broke down");
    }
}

/// What the coordinator needs of the world.
struct Doorways {
    bucket: Bucket,
    bus: Bus,
    /// Asked who leads.
    state: Handle,
}

impl Doorways {
    /// The state once more.
    async fn another(&self) -> anyhow::Result<Box<dyn Store>> {
        let opened = self.state.call(|store| store.another()).await;
        opened.context("cannot open the farm's state")
    }
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
    let state = leadership::open(&settings.state).await?;
    Ok(Doorways { bucket, bus, state })
}
