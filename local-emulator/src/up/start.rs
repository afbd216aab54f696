//! Starts every part and joins their doors; stops them in the order that lets running builds end.

use std::net::SocketAddr;

use tokio::sync::watch;

use coordinator::Status;
use farm_bucket::{Bucket, folder_url};
use farm_bus::{Bus, Receiver, SubscriptionSpec};
use farm_core::pool::Limits;
use farm_model::id::{HostType, HubId};
use farm_runtime::{Clock, Ids, Vars};

use super::folder::Folder;
use super::given;
use super::lives::cutter;
use super::making::Making;
use super::order::Pages;
use super::parts::{Part, Parts};
use super::ports::{default, reachable};
use super::secrets::{Secrets, read_secret};
use super::target::Target;
use super::telling::Telling;
use super::watch::Watch;
use super::{Args, launch, ports, report};
use crate::chaos::{Chaos, Targets};
use crate::console::{Console, Tone};
use crate::host::{Host, Plan, Triggers};
use crate::site::Site;

/// The one hub of a local farm.
const HUB: &str = "local";
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
        let inside = ports::bind_given(default(0), "--http").await?;
        let page = args.console.address()?.unwrap_or(default(0));
        let page = ports::bind_given(page, "--console").await?;
        let secrets = Secrets::make(&folder, &ids)?;
        let at = http.local_addr()?;
        let pages = format!("http://{}/", reachable(at));
        let vars = Vars::from_environment();
        let telling = Telling::new(&manifest, &vars, &folder, &ids, &pages)?;
        let making = Making::new(&manifest, &vars)?;
        let sign_in = given::to_sign_in(&manifest, &vars)?;

        let (queues, bus_url, inspector) =
            launch::queues(&folder, pubsub, args.memory, chaos).await?;
        let bus = Bus::open(&bus_url)?;
        let hub_id: HubId = HUB.parse()?;
        // Before anyone speaks: what is said where nobody listens yet is lost.
        let mut listeners = SubscriptionSpec::coordinator();
        listeners.extend([report::subscription(), SubscriptionSpec::hub(&hub_id)]);
        let called = making.called(telling.called(&manifest));
        let triggers = Triggers::new(&called, inside.local_addr()?);
        listeners.extend_from_slice(triggers.subscriptions());
        bus.ensure(&listeners).await?;
        let results = bus.receive(&report::subscription().name, report::LIMITS);
        let bucket_url = folder_url(&folder.sub("bucket")?)?;
        let bucket = Bucket::open(&bucket_url)?;

        let mut settings = secrets.settings(&bus_url, &bucket_url);
        settings.extend(telling.settings().chain(sign_in));
        settings.extend(making.settings());
        let log = folder.sub("functions")?.join("functions.log");
        let plan = Plan::new(args.program()?, &manifest, settings, &log);
        let host = Host::new(plan, &manifest, Clock::system());
        let mut calls = launch::host(&host, http, inside, args.watch);
        let page_at = page.local_addr()?;
        let site = Site::new(inspector, Some(host), page_at, calls.token.clone());
        calls.tasks.spawn(site.run(page));
        let mut front = Part::new();
        front.tasks.spawn(triggers.run(front.token.clone()));
        let (cut_coordinator, coordinator_cuts) = cutter();
        let (cut_hub, hub_cuts) = cutter();
        let status = launch::coordinator(
            &mut front,
            &folder,
            &target,
            args.status.unwrap_or(default(0)),
            (&bus_url, &bucket_url),
            (args.gather, args.keep.days()?),
            coordinator_cuts,
        )?;

        let hub_at = reachable(hub.local_addr()?);
        let (mut hub_part, mut machines) = (Part::new(), Part::new());
        let plan = launch::hub(
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
        launch::machines(&mut machines, plan, limits, hosts, status.clone());
        let watch = Watch {
            git_dir: target.git_dir.clone(),
            full_name: target.full_name(),
            http: at,
            secret: read_secret(&secrets.github)?,
        };
        hub_part.tasks.spawn(watch.run(stop));
        folder.note_addresses(&pages, &hub_at.to_string(), &bus_url.to_string())?;
        greet(console, at, &target, count);
        if let Some(line) = telling.sentence() {
            console.line(&console.paint(Tone::Quiet, &line));
        }
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
