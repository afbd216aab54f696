//! Starts every part, joins their doors, and stops them in the order that lets running builds end.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use coordinator::Status;
use farm_bucket::{Bucket, folder_url};
use farm_bus::{Bus, BusUrl, Receiver, SubscriptionSpec};
use farm_core::pool::Limits;
use farm_model::id::{HostType, HubId};
use farm_pubsub_emulator::{Emulator, Inspector, Options};
use farm_runtime::{Clock, Ids};
use farm_wire::keys::MasterKey;

use super::folder::Folder;
use super::keeper::Keeper;
use super::lives::{Cuts, cutter, live};
use super::machines::{self, Pool, Roster};
use super::order::Pages;
use super::target::Target;
use super::watch::Watch;
use super::{Args, ports, report};
use crate::chaos::{Chaos, Targets};
use crate::console::{Console, Tone};
use crate::host::{Host, Plan, Triggers};
use crate::site::Site;

/// The one hub of a local farm.
const HUB: &str = "local";
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
/// At most this many machines of a host type unless more are asked for.
const MACHINES: u32 = 4;

/// A farm that runs.
pub(super) struct Running {
    /// Where pages are served.
    pub(super) http: SocketAddr,
    /// Finished runs.
    pub(super) results: Receiver,
    /// The coordinator's counts.
    pub(super) status: watch::Receiver<Status>,
    /// What chaos may hit.
    pub(super) targets: Option<Targets>,
    target: Target,
    bucket: Bucket,
    pub(super) parts: Parts,
    _folder: Folder,
}

/// Parts by the order in which they are stopped.
pub(super) struct Parts {
    hub: Part,
    machines: Part,
    front: Part,
    calls: Part,
    queues: Part,
}

/// Tasks that end with one token.
struct Part {
    tasks: JoinSet<anyhow::Result<()>>,
    token: CancellationToken,
}

impl Part {
    fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            token: CancellationToken::new(),
        }
    }

    async fn stop(&mut self) -> bool {
        self.token.cancel();
        let mut clean = true;
        while let Some(ended) = self.tasks.join_next().await {
            clean &= matches!(ended, Ok(Ok(())));
        }
        clean
    }
}

impl Running {
    /// Starts everything; returns once pages can be opened.
    pub(super) async fn start(
        args: Args,
        console: &Console,
        chaos: Option<&Chaos>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::open(&args.data)?;
        let ids = Ids::system();
        let manifest = functions::manifest::read()?;
        let target = match &args.repo {
            Some(path) => Target::repository(path, args.config.as_deref(), args.history).await?,
            None => Target::sample(&folder, args.history).await?,
        };
        let http = ports::bind(args.http, default(8080), "--http", console).await?;
        let hub = ports::bind(args.hub, default(8119), "--hub", console).await?;
        let pubsub = ports::bind(args.pubsub, default(8085), "--pubsub", console).await?;
        let page = args.console.address()?.unwrap_or(default(0));
        let page = ports::bind_given(page, "--console").await?;
        let secrets = Secrets::make(&folder, &ids)?;
        let at = http.local_addr()?;

        let (queues, bus_url, inspector) =
            start_queues(&folder, pubsub, args.memory, chaos).await?;
        let bus = Bus::open(&bus_url)?;
        let hub_id: HubId = HUB.parse()?;
        // Before anyone speaks: what is said where nobody listens yet is lost.
        let mut listeners = SubscriptionSpec::coordinator();
        listeners.extend([report::subscription(), SubscriptionSpec::hub(&hub_id)]);
        let triggers = Triggers::new(&manifest, reachable(at));
        listeners.extend_from_slice(triggers.subscriptions());
        bus.ensure(&listeners).await?;
        let results = bus.receive(&report::subscription().name, report::LIMITS);
        let bucket_url = folder_url(&folder.sub("bucket")?)?;
        let bucket = Bucket::open(&bucket_url)?;

        let settings = secrets.settings(&bus_url, &bucket_url);
        let log = folder.sub("functions")?.join("functions.log");
        let plan = Plan::new(args.program()?, &manifest, settings, &log);
        let host = Host::new(plan, &manifest, Clock::system());
        let mut calls = start_host(&host, http, args.watch);
        let page_at = page.local_addr()?;
        let site = Site::new(inspector, Some(host), page_at, calls.token.clone());
        calls.tasks.spawn(site.run(page));
        let mut front = Part::new();
        front.tasks.spawn(triggers.run(front.token.clone()));
        let (cut_coordinator, coordinator_cuts) = cutter();
        let (cut_hub, hub_cuts) = cutter();
        let status = start_coordinator(
            &mut front,
            &folder,
            &target,
            args.status.unwrap_or(default(0)),
            &bus_url,
            &bucket_url,
            coordinator_cuts,
        )?;

        let hub_at = reachable(hub.local_addr()?);
        let (mut hub_part, mut machines) = (Part::new(), Part::new());
        let plan = start_hub(
            &mut hub_part,
            &folder,
            hub,
            hub_id,
            (&bus_url, &bucket_url),
            &secrets,
            hub_cuts,
        )?;
        let targets = chaos.map(|_| Targets {
            machines: plan.roster.clone(),
            coordinator: cut_coordinator,
            hub: cut_hub,
            bus,
            clock: Clock::system(),
            ids,
        });
        let count = args.machines.unwrap_or_else(|| cores().min(MACHINES));
        let stop = hub_part.token.clone();
        let limits = Limits {
            most: count,
            fewest: args.idle_machines,
            idle: args.idle_after,
        };
        let hosts = target.hosts.clone();
        start_machines(&mut machines, plan, limits, hosts, status.clone());
        let watch = Watch {
            git_dir: target.git_dir.clone(),
            full_name: target.full_name(),
            http: at,
            secret: read_secret(&secrets.github)?,
        };
        hub_part.tasks.spawn(watch.run(stop));
        let pages = format!("http://{}/", reachable(at));
        folder.note_addresses(&pages, &hub_at.to_string(), &bus_url.to_string())?;
        greet(console, at, &target, count);
        let line = format!("console at http://{page_at}/");
        console.line(&console.paint(Tone::Quiet, &line));
        Ok(Self {
            http: at,
            results,
            status,
            targets,
            target,
            bucket,
            parts: Parts {
                hub: hub_part,
                machines,
                front,
                calls,
                queues,
            },
            _folder: folder,
        })
    }

    /// Where the pages are, also after the end.
    pub(super) fn pages(&self) -> Pages {
        Pages {
            bucket: self.bucket.clone(),
            repo: self.target.name.clone(),
        }
    }

    /// Ends every part in order; true if all of them did so in time.
    pub(super) async fn stop(mut self) -> bool {
        let front = self.parts.stop_front().await;
        // What was told here is not to be told again by the next start.
        self.results.close().await;
        front && self.parts.queues.stop().await
    }
}

impl Parts {
    /// Waits until a part ends that should not.
    pub(super) async fn failed(&mut self) -> anyhow::Error {
        let ended = tokio::select! {
            Some(ended) = self.front.tasks.join_next() => ended,
            Some(ended) = self.calls.tasks.join_next() => ended,
            Some(ended) = self.hub.tasks.join_next() => ended,
            Some(ended) = self.machines.tasks.join_next() => ended,
            Some(ended) = self.queues.tasks.join_next() => ended,
        };
        match ended {
            Ok(Ok(())) => anyhow!("a part of the farm ended by itself"),
            Ok(Err(error)) => error,
            Err(panic) => anyhow!("a part of the farm crashed: {panic}"),
        }
    }

    /// The hub first, so that what runs may end; then machines, then the coordinator, then pages. The queues stay.
    async fn stop_front(&mut self) -> bool {
        let hub = self.hub.stop().await;
        let machines = self.machines.stop().await;
        let front = self.front.stop().await;
        let calls = self.calls.stop().await;
        hub && machines && front && calls
    }
}

fn default(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores).unwrap_or(1)
}

fn greet(console: &Console, http: SocketAddr, target: &Target, machines: u32) {
    let url = console.paint(Tone::Good, &format!("http://{http}/"));
    console.line(&format!(
        "building {} from {}",
        target.name,
        target.path.display()
    ));
    console.line(&format!("pages at {url}"));
    let hosts: Vec<&str> = target.hosts.iter().map(HostType::as_str).collect();
    let plural = if machines == 1 { "" } else { "s" };
    let each = if hosts.len() == 1 { "" } else { "each " };
    let text = format!(
        "{machines} machine{plural} {each}of {}; builds run as you, on this computer",
        hosts.join(", ")
    );
    console.line(&console.paint(Tone::Quiet, &text));
}

async fn start_queues(
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

/// Requests are answered until everybody else has ended; then the process that answers them ends.
fn start_host(host: &Host, listener: TcpListener, watch: bool) -> Part {
    let mut part = Part::new();
    let (asked, answered) = (part.token.clone(), CancellationToken::new());
    let router = host.router();
    let last = answered.clone().drop_guard();
    part.tasks.spawn(async move {
        let _last = last;
        let served = farm_runtime::serve::on(listener, router, asked).await;
        served.context("the functions' address")
    });
    part.tasks.spawn(host.clone().run(watch, answered));
    part
}

fn start_coordinator(
    part: &mut Part,
    folder: &Folder,
    target: &Target,
    listen: SocketAddr,
    bus: &BusUrl,
    bucket: &str,
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

fn start_hub(
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

fn start_machines(
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

/// Where this computer finds what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        default(address.port())
    } else {
        address
    }
}

/// The farm's secrets, made at its first start, by their files.
struct Secrets {
    github: PathBuf,
    gerrit: PathBuf,
    tokens: PathBuf,
    machines: PathBuf,
}

impl Secrets {
    fn make(folder: &Folder, ids: &Ids) -> anyhow::Result<Self> {
        Ok(Self {
            github: folder.secret("github-webhook", ids)?,
            gerrit: folder.secret("gerrit-webhook", ids)?,
            tokens: folder.secret("token-key", ids)?,
            machines: folder.secret("machine-key", ids)?,
        })
    }

    /// What the functions may be given. Secrets are named by their files: an environment can be looked at.
    fn settings(&self, bus: &BusUrl, bucket: &str) -> Vec<(String, String)> {
        let file = |path: &Path| format!("@{}", path.display());
        let all = [
            ("FARM_BUS", bus.to_string()),
            ("FARM_BUCKET", bucket.to_owned()),
            ("GITHUB_WEBHOOK_SECRET", file(&self.github)),
            ("GERRIT_WEBHOOK_SECRET", file(&self.gerrit)),
            ("FARM_TOKEN_KEY", file(&self.tokens)),
        ];
        all.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }
}

fn read_secret(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the secret {}", path.display()))
}
