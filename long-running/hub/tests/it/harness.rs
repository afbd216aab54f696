//! One hub with all it needs, and a coordinator's view of it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use farm_bucket::{Bucket, folder_url};
use farm_bus::{Bus, BusUrl, Limits, Receiver, SubscriptionSpec};
use farm_model::event::{Event, Message};
use farm_model::id::{AttemptKey, HubSession, MachineId};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, HubHeartbeat, MachineGone, MachineReport, Missing,
};
use farm_model::message::work::{CancelJob, RunJob, SourceRef, Step, StepSpec};
use farm_pubsub_emulator::{Emulator, Options};
use farm_runtime::{Clock, Ids};
use farm_wire::keys::{MasterKey, key_2019, mint, verify_late};
use hub::{Certificate, Checks, HubStatus, LedgerSettings, Pages, PeerSettings, Settings};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::machine::Connection;
use crate::repository::Repository;

/// Long enough for a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const MASTER: &[u8] = b"a master key for tests";

pub struct Bench {
    pub folder: TempDir,
    pub repository: Repository,
    pub bucket: Bucket,
    pub address: String,
    pub status: watch::Receiver<HubStatus>,
    pub shutdown: CancellationToken,
    pub hub: JoinSet<anyhow::Result<()>>,
    bus: Bus,
    bus_url: BusUrl,
    progress: Receiver,
    /// Messages read while looking for others.
    seen: VecDeque<Said>,
    published: u32,
    /// When keys end, in Unix seconds.
    expires: i64,
    emulator: JoinSet<()>,
    queue: Queue,
    settings: Settings,
    /// Held while there is a hub, or is to be one again.
    port: Option<Port>,
}

/// Where the queue's emulator listens, and keeps what it has.
struct Queue {
    port: Port,
    data: Option<PathBuf>,
}

/// A port that stays ours while nobody serves it: what listens next listens on the same.
struct Port(std::net::TcpListener);

impl Port {
    fn any() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        port.set_nonblocking(true).unwrap();
        Self(port)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn listener(&self) -> TcpListener {
        TcpListener::from_std(self.0.try_clone().unwrap()).unwrap()
    }
}

/// What the hub says.
#[derive(Debug, Clone)]
pub enum Said {
    Attempt(Box<AttemptProgress>),
    Beat(HubHeartbeat),
    Gone(MachineGone),
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::on(None, change).await
    }

    /// With a queue that can be stopped and started again.
    pub async fn with_durable_queue() -> Self {
        Self::on(Some("queue"), |_| {}).await
    }

    /// All connections to the queue end, and new ones are not served.
    pub async fn stop_queue(&mut self) {
        self.emulator.shutdown().await;
        let none: AttemptKey = format!("{}/1/none/1", "0".repeat(32)).parse().unwrap();
        let publish = timeout(Duration::from_millis(500), self.cancel(&none)).await;
        assert!(publish.is_err(), "the queue still takes messages");
    }

    /// The queue is back, with all it had.
    pub async fn start_queue(&mut self) {
        self.emulator = emulator(self.queue.port.listener(), self.queue.data.clone()).await;
    }

    async fn on(queue: Option<&str>, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue {
            port: Port::any(),
            data: queue.map(|name| folder.path().join(name)),
        };
        let url = format!("pubsub://test?endpoint=http://{}", queue.port.address());
        let url: BusUrl = url.parse().unwrap();
        let emulator = emulator(queue.port.listener(), queue.data.clone()).await;
        let bus = Bus::open(&url).unwrap();
        let mut specs = SubscriptionSpec::coordinator();
        specs.push(SubscriptionSpec::hub(&"h1".parse().unwrap()));
        bus.ensure(&specs).await.unwrap();
        let progress = bus.receive(
            "progress-coordinator",
            Limits {
                max_outstanding: 100,
            },
        );
        let bucket_url = folder_url(&folder.path().join("bucket")).unwrap();
        let mut settings = settings(&folder, "h1", url.clone(), &bucket_url);
        change(&mut settings);
        let port = Port::any();
        // Empty stands for its own, which nobody knows before.
        if let Some(address) = &mut settings.snapshots.address
            && address.is_empty()
        {
            *address = port.address().to_string();
        }
        let Hub {
            address,
            status,
            shutdown,
            tasks: hub,
        } = Hub::start(settings.clone(), port.listener(), CancellationToken::new());
        let mut bench = Self {
            bucket: Bucket::open(&bucket_url).unwrap(),
            folder,
            repository: Repository::new(),
            address,
            status,
            shutdown,
            hub,
            bus,
            bus_url: url,
            progress,
            seen: VecDeque::new(),
            published: 0,
            expires: Clock::system().now().as_second() + 3600,
            emulator,
            queue,
            settings,
            port: Some(port),
        };
        // It listens, its certificate is there.
        bench
            .next(|said| matches!(said, Said::Beat(_)).then_some(()))
            .await;
        bench
    }

    /// The hub's process is killed: nobody listens where it did.
    pub async fn kill(&mut self) {
        self.hub.shutdown().await;
        self.port = None;
    }

    /// The hub's process is killed, and another one started in its place.
    pub async fn kill_and_start_again(&mut self) {
        self.hub.shutdown().await;
        let port = self.port.as_ref().unwrap();
        let (settings, listener) = (self.settings.clone(), port.listener());
        let Hub { status, tasks, .. } = Hub::start(settings, listener, self.shutdown.clone());
        (self.hub, self.status) = (tasks, status);
    }

    /// The hub's life, from its next heartbeat.
    pub async fn session(&mut self) -> HubSession {
        // What was said before does not count.
        self.seen.retain(|said| !matches!(said, Said::Beat(_)));
        self.next(|said| match said {
            Said::Beat(beat) => Some(beat.session.clone()),
            _ => None,
        })
        .await
    }

    /// One more hub of the same farm, with the certificate of the first.
    pub async fn another_hub(&mut self, name: &str, change: impl FnOnce(&mut Settings)) -> Hub {
        let (bus, bucket) = (self.bus_url.clone(), self.bucket.url().to_owned());
        let mut settings = settings(&self.folder, name, bus, &bucket);
        settings.certificate = Certificate::Files {
            certificate: self.folder.path().join("hub/hub-cert.pem"),
            key: self.folder.path().join("hub/hub-key.pem"),
        };
        change(&mut settings);
        let hub = Hub::start(settings, Port::any().listener(), CancellationToken::new());
        let name = name.to_owned();
        self.next(|said| match said {
            Said::Beat(beat) => (beat.hub.as_str() == name).then_some(()),
            _ => None,
        })
        .await;
        hub
    }

    pub fn certificate(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("hub/hub-cert.pem")).unwrap()
    }

    /// A good key for the machine: the same each time.
    pub fn key(&self, machine: &str) -> String {
        mint(&master(), "host-test", machine, self.expires)
    }

    /// A key for the machine that ends so many seconds from now.
    pub fn key_for(&self, machine: &str, seconds: i64) -> String {
        let ends = Clock::system().now().as_second() + seconds;
        mint(&master(), "host-test", machine, ends)
    }

    /// The key of 2019 of a host type.
    pub fn key_2019(&self, host_type: &str) -> String {
        key_2019(&master(), host_type)
    }

    /// When the machine's key ends, if it is one of this farm.
    pub fn key_ends(&self, machine: &str, key: &str) -> Option<i64> {
        let now = Clock::system().now().as_second();
        let standing = verify_late(&master(), key.trim(), "host-test", machine, now, i64::MAX);
        Some(standing.ok()?.expiry().0 - now)
    }

    /// A machine on its way.
    pub fn connect(&self, name: &str) -> Connection {
        let work_dir = self.folder.path().join(format!("work-{name}"));
        Connection::start(self, name, &work_dir)
    }

    /// A connected machine, once the hub has told of it.
    pub async fn machine(&mut self, name: &str) -> Connection {
        let machine = self.connect(name);
        self.told(name, None).await;
        machine
    }

    /// Waits for a heartbeat that speaks of the machine as working on the attempt.
    pub async fn told(&mut self, name: &str, busy: Option<&AttemptKey>) {
        self.told_of(&id(name), busy).await;
    }

    /// The same for a machine of any hub.
    pub async fn told_of(&mut self, id: &MachineId, busy: Option<&AttemptKey>) {
        self.next(|said| match said {
            Said::Beat(beat) => {
                let mut machines = beat.machines.iter();
                machines
                    .any(|m| m.machine == *id && m.busy.as_ref() == busy)
                    .then_some(())
            }
            _ => None,
        })
        .await;
    }

    /// What the next heartbeat that speaks of the machine says of it.
    pub async fn report_of(&mut self, name: &str) -> MachineReport {
        let id = id(name);
        // What was said before does not count.
        self.seen.retain(|said| !matches!(said, Said::Beat(_)));
        self.next(|said| match said {
            Said::Beat(beat) => {
                let mut machines = beat.machines.iter();
                machines.find(|report| report.machine == id).cloned()
            }
            _ => None,
        })
        .await
    }

    /// Waits until the hub says that the machine is gone; the reason.
    pub async fn gone(&mut self, name: &str) -> String {
        let id = id(name);
        self.next(|said| match said {
            Said::Gone(gone) if gone.machine == id => Some(gone.reason.clone()),
            _ => None,
        })
        .await
    }

    /// Attempt `number` of a job on the machine, without steps.
    pub fn job(&self, number: u32, machine: &str) -> RunJob {
        let attempt = format!("{}/1/steps/{number}", "b".repeat(32));
        serde_json::from_value(serde_json::json!({
            "hub": "h1",
            "machine": id(machine),
            "attempt": attempt_json(&attempt),
            "builder": "linux-test",
            "source": {
                "repo": "sample",
                "url": self.repository.url(),
                "commit": self.repository.commit,
                "branch": "main",
            },
            "steps": [{
                "do": "source",
                "source": {
                    "repo": "sample",
                    "url": self.repository.url(),
                    "commit": self.repository.commit,
                    "branch": "main",
                },
                "into": "src",
            }],
            "env": { "FROM_BUILDER": "b", "BOTH": "builder" },
            "start_by": Clock::system().now() + jiff::SignedDuration::from_secs(60),
            "timeout_seconds": 60,
            "log_limit_bytes": 1 << 20,
            "clean": "none",
        }))
        .unwrap()
    }

    pub async fn offer(&mut self, job: &RunJob) {
        self.publish(job).await;
    }

    pub async fn cancel(&mut self, attempt: &AttemptKey) {
        let cancel = CancelJob {
            hub: "h1".parse().unwrap(),
            attempt: attempt.clone(),
            reason: "superseded".to_owned(),
        };
        self.publish(&cancel).await;
    }

    pub async fn publish<M: Message>(&mut self, message: &M) {
        self.published += 1;
        let id = format!("work:{}", self.published);
        let event = Event::of(id, "/coordinator", Clock::system().now(), message).unwrap();
        self.bus.publish(M::TOPIC, &event).await.unwrap();
    }

    /// The next word on the attempt: that it was accepted, or why it was refused.
    pub async fn answer(&mut self, job: &RunJob) -> Result<(), String> {
        self.next(|said| match said {
            Said::Attempt(progress) if progress.attempt == job.attempt => match &progress.what {
                AttemptEvent::Accepted => Some(Ok(())),
                AttemptEvent::Refused { reason, .. } => Some(Err(reason.clone())),
                _ => None,
            },
            _ => None,
        })
        .await
    }

    /// Why the attempt was refused, and what it would have gone on from.
    pub async fn refused(&mut self, job: &RunJob) -> (String, Option<Missing>) {
        self.next(|said| match said {
            Said::Attempt(progress) if progress.attempt == job.attempt => match &progress.what {
                AttemptEvent::Refused { reason, missing } => Some((reason.clone(), *missing)),
                _ => None,
            },
            _ => None,
        })
        .await
    }

    /// Waits for a heartbeat that speaks of the machine as idle, and kept as `held` left it.
    pub async fn held(&mut self, name: &str, held: Option<&AttemptKey>) {
        let id = id(name);
        let is = |report: &MachineReport| {
            report.machine == id && report.busy.is_none() && report.held.as_ref() == held
        };
        self.next(|said| match said {
            Said::Beat(beat) => beat.machines.iter().any(is).then_some(()),
            _ => None,
        })
        .await;
    }

    pub async fn step_started(&mut self, job: &RunJob, name: &str) {
        self.next(|said| match said {
            Said::Attempt(progress) if progress.attempt == job.attempt => {
                let wanted = |what: &AttemptEvent| matches!(what, AttemptEvent::StepStarted { name: n, .. } if n == name);
                wanted(&progress.what).then_some(())
            }
            _ => None,
        })
        .await;
    }

    pub async fn report(&mut self, job: &RunJob) -> AttemptReport {
        self.report_within(2 * PATIENCE, job).await
    }

    /// The report of a job that may take so long.
    pub async fn report_within(&mut self, limit: Duration, job: &RunJob) -> AttemptReport {
        self.next_within(limit, |said| match said {
            Said::Attempt(progress) if progress.attempt == job.attempt => match &progress.what {
                AttemptEvent::Finished { report } => Some(report.clone()),
                _ => None,
            },
            _ => None,
        })
        .await
    }

    /// Offers the job and waits for its report.
    pub async fn run(&mut self, job: &RunJob) -> AttemptReport {
        self.offer(job).await;
        self.report(job).await
    }

    /// The whole log from its chunks.
    pub async fn log(&self, job: &RunJob) -> String {
        let piece = self
            .bucket
            .read_log(&job.attempt, 0, 8 << 20)
            .await
            .unwrap();
        String::from_utf8_lossy(&piece.bytes).into_owned()
    }

    /// Waits until the log holds `text`.
    pub async fn log_holds(&self, job: &RunJob, text: &str) {
        let holds = async {
            while !self.log(job).await.contains(text) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, holds)
            .await
            .unwrap_or_else(|_| panic!("no {text:?} in the log"));
    }

    /// Waits until the status is as wanted.
    pub async fn status(&mut self, wanted: impl FnMut(&HubStatus) -> bool) {
        timeout(PATIENCE, self.status.wait_for(wanted))
            .await
            .unwrap()
            .unwrap();
    }

    /// The first message, already read or to come, for which `pick` gives something. It is taken out.
    pub async fn next<T>(&mut self, pick: impl FnMut(&Said) -> Option<T>) -> T {
        self.next_within(2 * PATIENCE, pick).await
    }

    /// The same, of what may take longer.
    async fn next_within<T>(
        &mut self,
        limit: Duration,
        mut pick: impl FnMut(&Said) -> Option<T>,
    ) -> T {
        for at in 0..self.seen.len() {
            if let Some(picked) = pick(&self.seen[at]) {
                self.seen.remove(at);
                return picked;
            }
        }
        // Not for each message anew: heartbeats come for ever.
        let deadline = Instant::now() + limit;
        loop {
            let next = timeout_at(deadline, self.progress.next()).await;
            let delivery = next
                .unwrap_or_else(|_| panic!("it did not come; seen: {:#?}", self.seen))
                .unwrap();
            let said = said(&delivery.event);
            delivery.ack();
            if let Some(picked) = pick(&said) {
                return picked;
            }
            self.seen.push_back(said);
        }
    }

    /// Messages of the attempt among those read so far that are like `wanted`.
    pub fn seen(&self, job: &RunJob, wanted: impl Fn(&AttemptEvent) -> bool) -> usize {
        let is = |said: &&Said| matches!(said, Said::Attempt(p) if p.attempt == job.attempt && wanted(&p.what));
        self.seen.iter().filter(is).count()
    }
}

fn master() -> MasterKey {
    MasterKey::new(MASTER).unwrap()
}

/// A running hub.
pub struct Hub {
    pub address: String,
    pub status: watch::Receiver<HubStatus>,
    pub shutdown: CancellationToken,
    pub tasks: JoinSet<anyhow::Result<()>>,
}

impl Hub {
    fn start(settings: Settings, listener: TcpListener, shutdown: CancellationToken) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let (sender, status) = watch::channel(HubStatus::default());
        let mut tasks = JoinSet::new();
        let (clock, ids) = (Clock::system(), Ids::system());
        let until = shutdown.clone();
        tasks.spawn(hub::serve(settings, listener, clock, ids, sender, until));
        Self {
            address,
            status,
            shutdown,
            tasks,
        }
    }
}

/// A port that is free now and that the system gives to nobody who asks for any.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id() % 10_000 * 31;
        let port = 12_000 + u16::try_from(number % 8_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

pub fn id(machine: &str) -> MachineId {
    format!("h1/{machine}").parse().unwrap()
}

/// Adds a step.
pub fn step(job: &mut RunJob, name: &str, script: &str) {
    step_within(job, name, script, 60);
}

pub fn step_within(job: &mut RunJob, name: &str, script: &str, seconds: u64) {
    let step = serde_json::json!({
        "do": "run",
        "name": name,
        "argv": ["sh", "-c", script],
        "timeout_seconds": seconds,
    });
    job.steps.push(serde_json::from_value(step).unwrap());
}

/// The command of step `number`; 0 is the source.
pub fn command(job: &mut RunJob, number: usize) -> &mut StepSpec {
    match &mut job.steps[number] {
        Step::Run(command) => command,
        other => panic!("{other:?} is no command"),
    }
}

/// The source that is placed first.
pub fn source(job: &mut RunJob) -> &mut SourceRef {
    match &mut job.steps[0] {
        Step::Source { source, .. } => source,
        other => panic!("{other:?} is no source"),
    }
}

fn attempt_json(text: &str) -> serde_json::Value {
    let key: AttemptKey = text.parse().unwrap();
    serde_json::to_value(key).unwrap()
}

fn said(event: &Event) -> Said {
    match event.kind.as_str() {
        AttemptProgress::TYPE => Said::Attempt(Box::new(event.decode().unwrap())),
        HubHeartbeat::TYPE => Said::Beat(event.decode().unwrap()),
        MachineGone::TYPE => Said::Gone(event.decode().unwrap()),
        other => panic!("a hub does not say {other}"),
    }
}

fn settings(folder: &TempDir, hub: &str, bus: BusUrl, bucket: &str) -> Settings {
    let data = if hub == "h1" { "hub" } else { hub };
    Settings {
        hub: hub.parse().unwrap(),
        bus,
        bucket: bucket.to_owned(),
        data: folder.path().join(data),
        certificate: Certificate::SelfSigned {
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        },
        machine_key: master(),
        keys_2019: Default::default(),
        revdial_v1: false,
        key_lives: Default::default(),
        heartbeat: Duration::from_millis(500),
        drain: Duration::from_secs(5),
        checks: Checks::default(),
        pages: Pages::default(),
        peers: PeerSettings::default(),
        ledger: LedgerSettings::default(),
        direct: Vec::new(),
        snapshots: Default::default(),
    }
}

async fn emulator(listener: TcpListener, data: Option<PathBuf>) -> JoinSet<()> {
    let options = Options {
        data,
        ..Options::default()
    };
    let emulator = Emulator::open(options).await.unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        emulator
            .serve(listener, std::future::pending())
            .await
            .unwrap()
    });
    serving
}
