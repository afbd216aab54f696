//! Each part as a local farm has it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use coordinator::Status;
use farm_bus::BusUrl;
use farm_core::pool::Limits;
use farm_model::id::{HostType, HubId};
use farm_model::keep::KeepDays;
use farm_pubsub_emulator::{Emulator, Inspector, Options};
use farm_runtime::{Clock, Ids};
use farm_wire::keys::MasterKey;

use super::folder::Folder;
use super::keeper::Keeper;
use super::lives::{Cuts, live};
use super::machines::{self, Pool, Roster};
use super::parts::Part;
use super::ports::reachable;
use super::secrets::{Secrets, read_secret};
use super::target::Target;
use crate::chaos::Chaos;
use crate::host::Host;

/// The project in Pub/Sub names.
const PROJECT: &str = "farm";
/// Silence that counts as loss: short, since everything is on this machine.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// How often the hub says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long running builds may go on once the farm is asked to stop.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a recorded machine is away before its owner is told.
const MISSING_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// How often the source is read without being asked.
const POLL: Duration = Duration::from_secs(60);
/// How often the data folder is looked through for what is old.
const SWEEP: Duration = Duration::from_hours(1);

pub(super) async fn queues(
    folder: &Folder,
    listener: TcpListener,
    memory: bool,
    chaos: Option<&Chaos>,
) -> anyhow::Result<(Part, BusUrl, Inspector)> {
    let data = if memory {
        None
    } else {
        Some(folder.sub("pubsub")?)
    };
    let emulator = Emulator::open(Options {
        data,
        disturbance: chaos.map(Chaos::disturbance),
        ..Options::default()
    })
    .await?;
    let url = format!(
        "pubsub://{PROJECT}?endpoint=http://{}",
        listener.local_addr()?
    );
    let inspector = emulator.inspector();
    let mut part = Part::new();
    let stop = part.token.clone().cancelled_owned();
    part.tasks.spawn(async move {
        emulator
            .serve(listener, stop)
            .await
            .context("the Pub/Sub emulator")
    });
    Ok((part, url.parse()?, inspector))
}

/// Requests are answered until everybody else has ended; then the process that answers them ends. What the farm itself
/// calls comes `inside`.
pub(super) fn host(host: &Host, listener: TcpListener, inside: TcpListener, watch: bool) -> Part {
    let mut part = Part::new();
    let (asked, answered) = (part.token.clone(), CancellationToken::new());
    let (router, inner) = (host.router(), host.inner_router());
    let last = answered.clone().drop_guard();
    part.tasks.spawn(async move {
        let _last = last;
        let served = tokio::try_join!(
            farm_runtime::serve::on(listener, router, asked.clone()),
            farm_runtime::serve::on(inside, inner, asked),
        );
        served.map(drop).context("the functions' address")
    });
    part.tasks.spawn(host.clone().run(watch, answered));
    part
}

pub(super) fn coordinator(
    part: &mut Part,
    folder: &Folder,
    target: &Target,
    listen: SocketAddr,
    (bus, bucket): (&BusUrl, &str),
    (gather, keep): (Duration, KeepDays),
    cuts: Cuts,
) -> anyhow::Result<watch::Receiver<Status>> {
    let data = folder.sub("coordinator")?;
    let settings = coordinator::Settings {
        bus: bus.clone(),
        bucket: bucket.to_owned(),
        state: coordinator::StateUrl::Sqlite(data.join("state.db")),
        data,
        config: target.config.clone(),
        overlays: vec![target.overlay()],
        grace: GRACE,
        poll: POLL,
        missing_after: MISSING_AFTER,
        gather: SignedDuration::try_from(gather).context("--gather")?,
        keep,
        sweep: Some(SWEEP),
        listen: Some(listen),
    };
    let (status, watching) = watch::channel(Status::default());
    let stop = part.token.clone();
    let life = move || {
        let (settings, status, stop) = (settings.clone(), status.clone(), stop.clone());
        // What an earlier life knew is not known any more.
        status.send_replace(Status::default());
        async move {
            let served = coordinator::serve(settings, Clock::system(), Ids::system(), status, stop);
            served.await.context("the coordinator")
        }
    };
    part.tasks.spawn(live(life, cuts, part.token.clone()));
    Ok(watching)
}

pub(super) fn hub(
    part: &mut Part,
    folder: &Folder,
    listener: TcpListener,
    id: HubId,
    (bus, bucket): (&BusUrl, &str),
    secrets: &Secrets,
    cuts: Cuts,
) -> anyhow::Result<machines::Plan> {
    let data = folder.sub("hub")?;
    let master_key = MasterKey::new(read_secret(&secrets.machines)?.as_bytes())?;
    let plan = machines::Plan {
        root: folder.sub("machines")?,
        hub: reachable(listener.local_addr()?),
        ca: data.join("hub-cert.pem"),
        master_key: master_key.clone(),
        clock: Clock::system(),
        program: std::env::current_exe().context("cannot find the farm binary")?,
        roster: Roster::default(),
    };
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let certificate = hub::Certificate::SelfSigned {
        names: names.into(),
    };
    certificate.prepare(&data)?;
    let settings = hub::Settings {
        hub: id,
        bus: bus.clone(),
        bucket: bucket.to_owned(),
        data,
        certificate,
        machine_key: master_key,
        keys_2019: BTreeSet::new(),
        revdial_v1: false,
        // Local machines get new keys at every start.
        key_lives: hub::KeyLives::days(0, 0),
        heartbeat: HEARTBEAT,
        drain: DRAIN,
        checks: hub::Checks::default(),
        pages: hub::Pages::default(),
        peers: hub::PeerSettings::default(),
        ledger: hub::LedgerSettings::default(),
        direct: Vec::new(),
        snapshots: Default::default(),
    };
    let stop = part.token.clone();
    // Kept over all lives: nobody else gets the port between two.
    let listener = listener.into_std()?;
    let life = move || {
        let (settings, stop) = (settings.clone(), stop.clone());
        let listener = listener.try_clone().and_then(TcpListener::from_std);
        async move {
            let (status, _) = watch::channel(hub::HubStatus::default());
            let served = hub::serve(
                settings,
                listener?,
                Clock::system(),
                Ids::system(),
                status,
                stop,
            );
            served.await.context("the hub")
        }
    };
    part.tasks.spawn(live(life, cuts, part.token.clone()));
    Ok(plan)
}

pub(super) fn machines(
    part: &mut Part,
    plan: machines::Plan,
    limits: Limits,
    hosts: Vec<HostType>,
    status: watch::Receiver<Status>,
) {
    let stop = part.token.clone();
    let pool = Pool::new(plan, stop.clone());
    let keeper = Keeper::new(pool.clone(), limits, Clock::system());
    part.tasks.spawn(async move {
        keeper.run(hosts, status, stop).await;
        pool.ended().await;
        Ok(())
    });
}
