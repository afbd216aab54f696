#![doc = include_str!("../README.md")]

mod acceptor;
mod attempt;
mod direct;
mod files;
mod heartbeat;
mod ledger;
mod machines;
mod metrics;
mod mint;
mod peers;
mod progress;
mod settings;
mod site;
mod status;
mod stop;
mod teller;
mod text;
mod work;

use std::sync::Arc;

use anyhow::{Context, bail};
use farm_bucket::Bucket;
use farm_bus::{Bus, Limits, SubscriptionSpec};
use farm_runtime::{Clock, Ids};
use farm_wire::revdial::Dialers;
use farm_wire::tls::Acceptor as Tls;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::acceptor::{Doors, Keys, MAX_HANDSHAKES, V1Places, open_tls};
use crate::attempt::{Mirrors, READ_AT_ONCE, Snapshots, Tools};
use crate::direct::Keeper;
use crate::heartbeat::Heartbeat;
use crate::ledger::Ledger;
use crate::machines::Registry;
use crate::metrics::{Counts, Exposition, Sight};
use crate::peers::{Others, Private};
use crate::site::{Admin, Bounds, Shown, Site};
use crate::teller::{Identity, Teller};
use crate::work::Work;

pub use acceptor::KeyLives;
pub use direct::DirectMachine;
pub use ledger::LedgerSettings;
pub use machines::Checks;
pub use mint::{MintArgs, mint_key, run_mint};
pub use peers::PeerSettings;
pub use settings::{Args, Certificate, Pages, PagesArgs, Settings, SnapshotSettings};
pub use site::blob_url;
pub use status::{HubStatus, StatusSender};

/// Offers that may lie unanswered at once.
const MAX_OFFERS: u32 = 256;

/// Runs the hub until `shutdown`, and then as long as it takes to drain.
///
/// # Errors
/// A setting is wrong, the port is taken, or data folder, bucket or bus cannot be used.
pub async fn run(args: Args, shutdown: CancellationToken) -> anyhow::Result<()> {
    files::raise_limit();
    let listen = args.listen.clone();
    let settings = args.settings()?;
    let listener = TcpListener::bind(&listen).await.with_context(|| {
        format!("cannot listen on {listen}; choose another address with --listen")
    })?;
    let (status, _) = watch::channel(HubStatus::default());
    serve(
        settings,
        listener,
        Clock::system(),
        Ids::system(),
        status,
        shutdown,
    )
    .await
}

/// The same on a listener at hand; keeps `status` up to date.
///
/// # Errors
/// As [`run`].
pub async fn serve(
    settings: Settings,
    listener: TcpListener,
    clock: Clock,
    ids: Ids,
    status: StatusSender,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let subscription = SubscriptionSpec::hub(&settings.hub);
    let name = subscription.name.clone();
    let Doorways {
        tls,
        bucket,
        bus,
        admin,
    } = tokio::select! {
        doors = open_doors(&settings, subscription) => doors?,
        () = shutdown.cancelled() => return Ok(()),
    };
    let identity = Identity {
        hub: settings.hub.clone(),
        // Lives sort by their start: a coordinator that knows neither of two can tell which is the later one.
        session: format!("{:013}-{}", clock.now().as_millisecond(), ids.hex(4)).parse()?,
        clock,
    };
    let registry = Arc::new(Registry::new(status.clone()));
    let ledger = Ledger::new(bucket.clone(), settings.ledger.clone());
    let counts = Counts::default();
    let teller = Teller::new(bus.clone(), counts.clone());
    let tools = Arc::new(Tools {
        identity: identity.clone(),
        bucket,
        mirrors: Mirrors::new(settings.data.join("mirrors")),
        snapshots: Snapshots {
            address: settings.snapshots.address.clone(),
            limit: settings.snapshots.limit,
            master: settings.machine_key.clone(),
        },
        teller: teller.clone(),
        tails: Arc::default(),
        reports: Arc::new(Semaphore::new(READ_AT_ONCE)),
        counts,
    });
    let heartbeat = Heartbeat {
        identity,
        registry: Arc::clone(&registry),
        teller,
        period: settings.heartbeat,
    };
    let keeper = Keeper {
        hub: settings.hub.clone(),
        registry: Arc::clone(&registry),
        checks: settings.checks.clone(),
        dials: tools.counts.dials.clone(),
    };
    let direct = settings.direct.clone();
    let (drain, checks) = (settings.drain, settings.checks.clone());
    let peer_listen = settings.peers.listen.clone();
    let (doors, operators) = doors(settings, &tools, &registry, &ledger, &status)?;
    let doors = Arc::new(doors);
    let work = Work::new(registry, tools, checks, status.clone());
    let mut tasks = JoinSet::new();
    if let Some(address) = peer_listen {
        tasks.spawn(peers::serve(private(&address, &doors).await?));
    }
    let (clock, grace) = (doors.identity.clock.clone(), doors.keys.lives.grace);
    tasks.spawn(acceptor::run(listener, tls, doors));
    tasks.spawn(heartbeat.run());
    let pruned = Arc::clone(&ledger);
    tasks.spawn(async move { pruned.prune(&clock, grace).await });
    tasks.spawn(async move { ledger.sweep().await });
    tasks.spawn(keeper.run(direct));
    if let Some(admin) = admin {
        let address = admin
            .address()
            .context("the admin listener has no address")?;
        tracing::info!(%address, "pages for operators");
        status.send_modify(|status| status.admin = Some(address));
        tasks.spawn(admin.run(operators));
    }
    let offers = bus.receive(
        &name,
        Limits {
            max_outstanding: MAX_OFFERS,
        },
    );
    tokio::select! {
        () = Arc::new(work).serve(offers, shutdown, drain) => {}
        Some(_) = tasks.join_next() => bail!("a part of the hub ended by itself"),
    }
    tasks.shutdown().await;
    Ok(())
}

/// What the hub needs of the world.
struct Doorways {
    tls: Tls,
    bucket: Bucket,
    bus: Bus,
    admin: Option<Admin>,
}

async fn open_doors(
    settings: &Settings,
    subscription: SubscriptionSpec,
) -> anyhow::Result<Doorways> {
    let data = &settings.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("cannot create the data folder {}", data.display()))?;
    let tls = open_tls(&settings.certificate, data)?;
    let bucket = Bucket::open(&settings.bucket).context("cannot open the bucket")?;
    bucket
        .check_writable()
        .await
        .context("cannot write to the bucket")?;
    let bus = Bus::open(&settings.bus).context("cannot open the bus")?;
    bus.ensure(&[subscription])
        .await
        .context("cannot set up the subscription for work")?;
    let pages = &settings.pages;
    let admin = match pages.admin {
        Some(address) => Some(Admin::bind(address, pages.admin_anywhere).await?),
        None => None,
    };
    Ok(Doorways {
        tls,
        bucket,
        bus,
        admin,
    })
}

/// The port for other hubs.
async fn private(address: &str, doors: &Doors) -> anyhow::Result<Private> {
    let Identity { hub, clock, .. } = &doors.identity;
    let own = (hub, &doors.keys.master);
    Private::bind(address, own, doors.dialers.clone(), clock.clone()).await
}

/// What connections of machines lead to, and what operators see.
fn doors(
    settings: Settings,
    tools: &Tools,
    registry: &Arc<Registry>,
    ledger: &Arc<Ledger>,
    status: &StatusSender,
) -> anyhow::Result<(Doors, Site)> {
    let dialers = Dialers::new(settings.hub.as_str())
        .with_context(|| format!("--hub-id {} cannot name a hub", settings.hub))?;
    let others = Others::new(&settings.peers, &settings.hub, &settings.machine_key)?;
    let (identity, counts) = (&tools.identity, &tools.counts);
    let started = identity.now();
    let places = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let sight = Sight {
        registry: Arc::clone(registry),
        dialers: dialers.clone(),
        status: status.clone(),
        places: Arc::clone(&places),
        all_places: MAX_HANDSHAKES,
    };
    let shown = Arc::new(Shown {
        identity: identity.clone(),
        started,
        registry: Arc::clone(registry),
        dialers: dialers.clone(),
        expect: settings.pages.expect,
        status: status.clone(),
        tails: Arc::clone(&tools.tails),
        bucket: tools.bucket.clone(),
        master: settings.machine_key.clone(),
        counts: counts.clone(),
        exposition: Exposition::new(counts, sight, started.as_duration().as_secs_f64()),
        metrics_token: settings.pages.metrics_token,
        bounds: Bounds::default(),
    });
    let site = |router| Site::new(router, counts.clone(), identity.clock.clone());
    let keys = Keys {
        master: settings.machine_key,
        keys_2019: settings.keys_2019,
        lives: settings.key_lives,
    };
    let doors = Doors {
        identity: identity.clone(),
        dialers,
        registry: Arc::clone(registry),
        keys,
        v1: settings.revdial_v1.then(V1Places::default),
        checks: settings.checks,
        status: status.clone(),
        others,
        ledger: Arc::clone(ledger),
        places,
        counts: counts.clone(),
        site: site(site::public(&shown)),
    };
    Ok((doors, site(site::operators(&shown))))
}
