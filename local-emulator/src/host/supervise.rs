//! Keeps a process of the functions running: again after a death, anew after a build.

use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Host;
use super::binary::Binary;
use super::process::Process;
use super::upstream::Upstream;

/// First pause before one that ended is started again; doubles up to the cap.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_CAP: Duration = Duration::from_secs(5);
/// One that lived this long starts with a short pause again.
const STEADY: Duration = Duration::from_secs(10);
/// How long requests of an old process may take once the new one serves: longer than any function may.
const DRAIN: Duration = Duration::from_secs(35);

/// How the functions' process does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Life {
    /// The process that takes requests; none while one is being started.
    pub(crate) process: Option<u32>,
    /// Since when.
    pub(crate) since: Option<Timestamp>,
    /// Processes that took requests so far.
    pub(crate) starts: u64,
    /// Of these, how many took over from one that was still well, because the binary had been built anew.
    pub(crate) swaps: u64,
    /// What last went wrong, and when.
    pub(crate) trouble: Option<(Timestamp, String)>,
}

/// Why a process no longer serves.
enum Over {
    Died(String),
    Told,
}

impl Host {
    /// Until `shutdown`, which must come after the last request. With `reload`, a new build takes over by itself.
    pub(crate) async fn run(self, reload: bool, shutdown: CancellationToken) -> anyhow::Result<()> {
        let mut binary = reload.then(|| Binary::new(self.0.plan.program()));
        let mut draining = JoinSet::new();
        let mut pause = PAUSE;
        while !shutdown.is_cancelled() {
            let started = Instant::now();
            let served = self.serve_once(&mut binary, &mut draining, &shutdown).await;
            let Some(trouble) = served else { break };
            self.note(trouble);
            pause = if started.elapsed() > STEADY {
                PAUSE
            } else {
                (pause * 2).min(PAUSE_CAP)
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
        }
        self.leave();
        while draining.join_next().await.is_some() {}
        Ok(())
    }

    /// Starts a process and stays with it and those that take over from it. Returns what went wrong, or nothing if it was
    /// told to end.
    async fn serve_once(
        &self,
        binary: &mut Option<Binary>,
        draining: &mut JoinSet<()>,
        shutdown: &CancellationToken,
    ) -> Option<String> {
        let started = tokio::select! {
            started = self.0.plan.start() => started,
            () = shutdown.cancelled() => return None,
        };
        let mut process = match started {
            Ok(process) => process,
            Err(error) => return Some(format!("{error:#}")),
        };
        self.enter(&process);
        match self.stay(&mut process, binary, draining, shutdown).await {
            Over::Died(why) => {
                self.leave();
                Some(why)
            }
            Over::Told => {
                self.leave();
                process.end().await;
                None
            }
        }
    }

    async fn stay(
        &self,
        process: &mut Process,
        binary: &mut Option<Binary>,
        draining: &mut JoinSet<()>,
        shutdown: &CancellationToken,
    ) -> Over {
        loop {
            tokio::select! {
                why = process.ended() => return Over::Died(why),
                () = shutdown.cancelled() => return Over::Told,
                Some(_) = draining.join_next() => {}
                () = rebuilt(binary) => self.swap(process, draining).await,
            }
        }
    }

    /// The new build takes over; the old process answers what it has, and ends. One that does not start changes nothing.
    async fn swap(&self, process: &mut Process, draining: &mut JoinSet<()>) {
        let next = match self.0.plan.start().await {
            Ok(next) => next,
            Err(error) => return self.note(format!("the new build was not taken: {error:#}")),
        };
        let before = self.enter(&next);
        self.0.life.send_modify(|life| life.swaps += 1);
        let old = std::mem::replace(process, next);
        draining.spawn(async move {
            if let Some(upstream) = before
                && !upstream.drained(DRAIN).await
            {
                tracing::warn!("a request of the old functions takes longer than any may");
            }
            old.end().await;
        });
    }

    /// From now on requests go there. Returns where they went before.
    fn enter(&self, process: &Process) -> Option<Upstream> {
        let (id, now) = (process.id(), self.0.clock.now());
        self.0.life.send_modify(|life| {
            life.process = Some(id);
            life.since = Some(now);
            life.starts += 1;
        });
        let upstream = Upstream::new(process.address);
        self.0.current.send_replace(Some(upstream))
    }

    fn leave(&self) {
        self.0.current.send_replace(None);
        self.0.life.send_modify(|life| life.process = None);
    }

    fn note(&self, trouble: String) {
        tracing::error!("{trouble}");
        let now = self.0.clock.now();
        let trouble = Some((now, trouble));
        self.0.life.send_modify(|life| life.trouble = trouble);
    }
}

/// Returns when there is a new build, if anybody asked for that.
async fn rebuilt(binary: &mut Option<Binary>) {
    match binary {
        Some(binary) => binary.changed().await,
        None => std::future::pending().await,
    }
}
