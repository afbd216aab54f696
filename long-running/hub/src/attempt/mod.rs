//! Driving one attempt: clean the machine, send the source, run the steps, keep the log.

mod clean;
mod course;
mod desk;
mod environment;
mod fault;
mod gains;
mod gzip;
mod log;
mod report;
mod source;
mod steps;
mod tail;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farm_bucket::Bucket;
use farm_model::event::Event;
use farm_model::message::progress::{AttemptReport, Outcome};
use farm_model::message::work::{RunJob, Step};
use farm_wire::client::Client;
use tokio::sync::{OnceCell, Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub use self::clean::{HALT, Left, after};
use self::course::Course;
use self::desk::Desk;
use self::log::Log;
pub use self::source::Mirrors;
pub use self::steps::{READ_AT_ONCE, Snapshots};
pub use self::tail::{Piece, Tail, Tails};
use crate::machines::Machine;
use crate::metrics::Counts;
use crate::progress::Voice;
use crate::stop::Stop;
use crate::teller::{Identity, Teller};
use crate::text::{span, words};

/// News of steps that wait to be published. What does not fit is not told: the report says it all.
const NEWS: usize = 16;

/// The longest limit: so that no clock overflows.
const MAX_LIMIT: Duration = Duration::from_secs(30 * 86_400);

/// What every attempt uses.
pub struct Tools {
    /// This hub.
    pub identity: Identity,
    /// Where logs are kept.
    pub bucket: Bucket,
    /// Where sources come from.
    pub mirrors: Mirrors,
    /// How snapshots come and go.
    pub snapshots: Snapshots,
    /// Where news go.
    pub teller: Teller,
    /// The ends of logs that are being written.
    pub tails: Arc<Tails>,
    /// Places for attempts whose reports of tests are read, [`READ_AT_ONCE`].
    pub reports: Arc<Semaphore>,
    /// What is counted.
    pub counts: Counts,
}

/// One attempt on its machine.
pub struct Attempt {
    /// What is to be done.
    pub job: RunJob,
    /// Where.
    pub machine: Arc<Machine>,
    /// How it is said.
    pub voice: Voice,
    /// Whether it is still wanted.
    pub stop: Arc<Stop>,
    /// With what.
    pub tools: Arc<Tools>,
    /// The machine could not be cleaned.
    unclean: AtomicBool,
    /// The machine's work dir, once it was asked for.
    work_dir: OnceCell<String>,
}

/// Why an attempt did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bad {
    /// The code's fault.
    Failed(String),
    /// Ours, or the network's.
    Lost(String),
}

/// `Ok` when every step was.
type End = Result<(), Bad>;

impl Attempt {
    /// One that has not begun.
    pub fn new(
        job: RunJob,
        machine: Arc<Machine>,
        (voice, stop): (Voice, Arc<Stop>),
        tools: Arc<Tools>,
    ) -> Self {
        Self {
            job,
            machine,
            voice,
            stop,
            tools,
            unclean: AtomicBool::new(false),
            work_dir: OnceCell::new(),
        }
    }

    /// How it has left its machine, once it came to `outcome`.
    pub fn left(&self, outcome: Outcome) -> Left {
        if self.unclean.load(Ordering::Relaxed) {
            return Left::Unclean;
        }
        let broken = outcome != Outcome::Ok && self.machine.client_is_broken();
        if broken || outcome == Outcome::Lost {
            Left::InDoubt
        } else {
            Left::Well
        }
    }

    /// Drives the attempt to its end. The machine is made ready at once, unless it goes on from another; steps begin, and the log, once `accepted` is
    /// cancelled: before, another hub's life may yet be given the same attempt.
    pub async fn drive(&self, accepted: &CancellationToken) -> AttemptReport {
        let limit = self.job.log_limit_bytes;
        let (tail, _open) = self.tools.tails.open(&self.job.attempt);
        let bucket = self.tools.bucket.clone();
        let (log, flusher) = log::open(bucket, self.job.attempt.clone(), limit, tail);
        let mut course = Course::new(self.tools.identity.clock.clone());
        let ((end, over), kept) =
            tokio::join!(self.logged(log, &mut course, accepted), flusher.run());
        self.tools.counts.log(kept.bytes, over, kept.lost);
        let (steps, gains) = course.into_parts();
        let brought = self.stored(gains).await;
        report::of(end, (steps, brought), over, kept)
    }

    async fn logged(
        &self,
        mut log: Log,
        course: &mut Course,
        accepted: &CancellationToken,
    ) -> (End, u64) {
        let began = Instant::now();
        let end = self.guarded(&mut log, course, accepted).await;
        let took = words(began.elapsed());
        let last = match &end {
            Ok(()) => format!("[farm] ok after {took}"),
            Err(Bad::Failed(reason)) => format!("[farm] failed after {took}: {reason}"),
            Err(Bad::Lost(reason)) => format!("[farm] lost after {took}: {reason}"),
        };
        let over = log.over();
        log.note(&last).await;
        log.close().await;
        (end, over)
    }

    /// Until it ends, nobody wants it any more, its machine goes, or its time is over.
    async fn guarded(
        &self,
        log: &mut Log,
        course: &mut Course,
        accepted: &CancellationToken,
    ) -> End {
        let limit = limit(self.job.timeout_seconds);
        let deadline = Instant::now() + limit;
        let client = self.machine.client();
        let (news, told) = mpsc::channel(NEWS);
        let end = tokio::select! {
            end = self.run(&client, log, course, accepted, news) => end,
            reason = self.stop.asked() => Err(Bad::Lost(reason)),
            () = self.machine.closed() => Err(Bad::Lost("the machine's connection ended".to_owned())),
            error = client.heartbeat() => Err(Bad::Lost(format!("the machine does not answer: {error}"))),
            () = sleep_until(deadline) => Err(course.too_late(limit)),
            never = self.tell(told) => match never {},
        };
        course.interrupt(end.as_ref().err());
        end
    }

    async fn run(
        &self,
        client: &Client,
        log: &mut Log,
        course: &mut Course,
        accepted: &CancellationToken,
        news: mpsc::Sender<Event>,
    ) -> End {
        if self.job.continues.is_some() {
            // If it is not, the work dir is kept as it was left.
            accepted.cancelled().await;
        } else {
            // Broken off, a removal goes on over there: until it is answered the machine counts as unclean.
            self.unclean.store(true, Ordering::Relaxed);
            clean::before(client, self.job.clean, &self.job.steps).await?;
            self.unclean.store(false, Ordering::Relaxed);
        }
        let (placing, doing) = self.program();
        let placed = self.prepare(client, placing, course).await?;
        accepted.cancelled().await;
        self.head(log, &placed).await;
        let mut desk = Desk::new(log, course, &self.voice, news);
        for step in doing.iter().filter(|step| !self.is_placed(step)) {
            self.perform(step, &mut desk).await?;
        }
        Ok(())
    }

    /// What is put on the machine, and what is done there.
    fn program(&self) -> (&[Step], &[Step]) {
        let steps = &self.job.steps;
        let placing = |step: &&Step| steps::placing(step).is_some();
        steps.split_at(steps.iter().take_while(placing).count())
    }

    /// Places what comes first; lines for the log. Only what may take long is a step of the report.
    async fn prepare(
        &self,
        client: &Client,
        placing: &[Step],
        course: &mut Course,
    ) -> Result<Vec<String>, Bad> {
        let mut placed = Vec::new();
        for step in placing.iter().filter(|step| !self.is_placed(step)) {
            let name = steps::placing(step).unwrap_or_default();
            let long = matches!(step, Step::Restore { .. } | Step::Fetch { .. });
            if long {
                course.begin_ours(name);
            }
            self.place(client, step).await?;
            if long {
                let took = words(course.end("ok"));
                placed.push(format!("[farm] step {name}: ok after {took}"));
            }
        }
        Ok(placed)
    }

    /// How a log begins.
    async fn head(&self, log: &mut Log, placed: &[String]) {
        let source = &self.job.source;
        let on = &self.machine.id;
        let first = format!(
            "[farm] {} at {} ({}) on {on}",
            source.repo, source.commit, source.branch
        );
        log.line(&first).await;
        if let Some(before) = &self.job.continues {
            log.line(&format!("[farm] goes on from {before}")).await;
        }
        for line in placed {
            log.line(line).await;
        }
    }

    /// What was gained, stored.
    async fn stored(&self, gains: gains::Gains) -> report::Brought {
        let groups = steps::groups(&self.job.steps);
        let tests_complete = groups > 0 && gains.tests.is_complete(groups);
        let (tests, tests_whole) = gains.tests.store(&self.tools.bucket).await;
        report::Brought {
            snapshot: gains.snapshot,
            units: gains.units,
            tests,
            tests_complete,
            tests_whole,
        }
    }

    async fn tell(&self, mut news: mpsc::Receiver<Event>) -> Infallible {
        while let Some(event) = news.recv().await {
            if let Err(error) = self.tools.teller.tell(&event).await {
                tracing::warn!(%error, "a step's start was not published");
            }
        }
        std::future::pending().await
    }
}

/// `step test: exit status 1`.
fn in_step(name: &str, what: &str) -> String {
    format!("step {name}: {what}")
}

fn limit(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(MAX_LIMIT)
}

/// `timed out after 10s`.
fn timed_out(limit: Duration) -> String {
    format!("timed out after {}", span(limit))
}
