//! One hub with all it needs, and a coordinator's view of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use farm_bucket::{Bucket, folder_url};
use farm_bus::{Bus, BusUrl, Limits, Receiver, SubscriptionSpec};
use farm_model::event::{Event, Message};
use farm_model::id::{AttemptKey, MachineId};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, HubHeartbeat, MachineGone,
};
use farm_model::message::work::{CancelJob, RunJob};
use farm_pubsub_emulator::{Emulator, Options};
use farm_runtime::{Clock, Ids};
use farm_wire::keys::{MasterKey, mint};
use hub::{Certificate, Checks, HubStatus, LedgerSettings, PeerSettings, Settings};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
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
    _emulator: JoinSet<()>,
}

/// What the hub says.
#[derive(Debug, Clone)]
pub enum Said {
    Attempt(AttemptProgress),
    Beat(HubHeartbeat),
    Gone(MachineGone),
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (url, emulator) = emulator().await;
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
        let Hub {
            address,
            status,
            shutdown,
            tasks: hub,
        } = Hub::start(settings).await;
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
            _emulator: emulator,
        };
        // It listens, its certificate is there.
        bench
            .next(|said| matches!(said, Said::Beat(_)).then_some(()))
            .await;
        bench
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
        let hub = Hub::start(settings).await;
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
        let master = MasterKey::new(MASTER).unwrap();
        mint(&master, "host-test", machine, self.expires)
    }

    /// A connected machine, once the hub has told of it.
    pub async fn machine(&mut self, name: &str) -> Connection {
        let work_dir = self.folder.path().join(format!("work-{name}"));
        let machine = Connection::start(self, name, &work_dir);
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

    /// Whose machine it is, by the next heartbeat that speaks of it.
    pub async fn owner(&mut self, name: &str) -> Option<String> {
        let id = id(name);
        self.next(|said| match said {
            Said::Beat(beat) => {
                let mut machines = beat.machines.iter();
                machines
                    .find(|report| report.machine == id)
                    .map(|report| report.owner.clone())
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
            "steps": [],
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
                AttemptEvent::Refused { reason } => Some(Err(reason.clone())),
                _ => None,
            },
            _ => None,
        })
        .await
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
        self.next(|said| match said {
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
    pub async fn next<T>(&mut self, mut pick: impl FnMut(&Said) -> Option<T>) -> T {
        for at in 0..self.seen.len() {
            if let Some(picked) = pick(&self.seen[at]) {
                self.seen.remove(at);
                return picked;
            }
        }
        loop {
            let next = timeout(PATIENCE, self.progress.next()).await;
            let delivery = next
                .unwrap_or_else(|_| panic!("nothing came; seen: {:#?}", self.seen))
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

/// A running hub.
pub struct Hub {
    pub address: String,
    pub status: watch::Receiver<HubStatus>,
    pub shutdown: CancellationToken,
    pub tasks: JoinSet<anyhow::Result<()>>,
}

impl Hub {
    async fn start(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, status) = watch::channel(HubStatus::default());
        let shutdown = CancellationToken::new();
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
        "name": name,
        "argv": ["sh", "-c", script],
        "timeout_seconds": seconds,
    });
    job.steps.push(serde_json::from_value(step).unwrap());
}

fn attempt_json(text: &str) -> serde_json::Value {
    let key: AttemptKey = text.parse().unwrap();
    serde_json::to_value(key).unwrap()
}

fn said(event: &Event) -> Said {
    match event.kind.as_str() {
        AttemptProgress::TYPE => Said::Attempt(event.decode().unwrap()),
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
        machine_key: MasterKey::new(MASTER).unwrap(),
        keys_2019: Default::default(),
        heartbeat: Duration::from_millis(500),
        drain: Duration::from_secs(5),
        checks: Checks::default(),
        peers: PeerSettings::default(),
        ledger: LedgerSettings::default(),
        direct: Vec::new(),
    }
}

async fn emulator() -> (BusUrl, JoinSet<()>) {
    let emulator = Emulator::open(Options::default()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "pubsub://test?endpoint=http://{}",
        listener.local_addr().unwrap()
    );
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        emulator
            .serve(listener, std::future::pending())
            .await
            .unwrap()
    });
    (url.parse().unwrap(), serving)
}
