//! From the start of a machine to its end.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Group, Program};

/// What a machine is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// To go on.
    Live,
    /// To end by itself within so long, and else be killed.
    End(Duration),
    /// To be gone at once.
    Kill,
}

/// A hold on a machine that runs, or is about to.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    told: watch::Sender<Told>,
    ended: CancellationToken,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum End {
    /// By itself. The error: it could not be started.
    Itself(std::io::Result<ExitStatus>),
    /// Its time was over.
    Deadline,
    /// It was told to.
    Told,
}

impl Life {
    /// Of a machine that does not run yet.
    pub(crate) fn new() -> Self {
        Self {
            told: watch::Sender::new(Told::Live),
            ended: CancellationToken::new(),
        }
    }

    /// Tells it; what it was told first counts, but for being killed.
    pub(crate) fn tell(&self, told: Told) {
        self.told.send_if_modified(|known| {
            let news = *known == Told::Live || told == Told::Kill;
            if news {
                *known = told;
            }
            news
        });
    }

    /// What it was told last.
    pub(crate) fn told(&self) -> Told {
        *self.told.borrow()
    }

    /// Waits so long, or until it is told to end: false.
    pub(crate) async fn wait(&self, length: Duration) -> bool {
        let mut told = self.told.subscribe();
        tokio::select! {
            () = tokio::time::sleep(length) => self.told() == Told::Live,
            _ = told.wait_for(|told| *told != Told::Live) => false,
        }
    }

    /// Whoever holds this says by dropping it that the machine has ended and left nothing.
    pub(crate) fn begin(&self) -> impl Drop + Send + use<> {
        self.ended.clone().drop_guard()
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Runs the program until it ends, is told to, or has run for `most`. `started` hears its process group's number.
    pub(crate) async fn run(
        &self,
        program: &Program,
        most: Option<Duration>,
        started: impl FnOnce(i32) + Send,
    ) -> End {
        let mut group = match Group::start(program) {
            Ok(group) => group,
            Err(error) => return End::Itself(Err(error)),
        };
        started(group.id());
        let mut told = self.told.subscribe();
        let end = tokio::select! {
            ended = group.ended() => End::Itself(ended),
            () = over(most) => End::Deadline,
            _ = told.wait_for(|told| *told != Told::Live) => End::Told,
        };
        if let (End::Told, Told::End(grace)) = (&end, self.told()) {
            group.terminate();
            tokio::select! {
                _ = group.ended() => {}
                () = tokio::time::sleep(grace) => {}
                _ = told.wait_for(|told| *told == Told::Kill) => {}
            }
        }
        group.kill().await;
        end
    }

    /// Waits until it is told to end.
    pub(crate) async fn told_to_end(&self, most: Option<Duration>) -> End {
        let mut told = self.told.subscribe();
        tokio::select! {
            () = over(most) => End::Deadline,
            _ = told.wait_for(|told| *told != Told::Live) => End::Told,
        }
    }
}

/// Waits so long; without a length, for ever.
async fn over(most: Option<Duration>) {
    match most {
        Some(most) => tokio::time::sleep(most).await,
        None => std::future::pending().await,
    }
}
