//! What runs, in the order in which it is stopped.

use anyhow::anyhow;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Parts by the order in which they are stopped.
pub(super) struct Parts {
    pub(super) hub: Part,
    pub(super) machines: Part,
    pub(super) front: Part,
    pub(super) calls: Part,
    pub(super) queues: Part,
}

/// Tasks that end with one token.
pub(super) struct Part {
    pub(super) tasks: JoinSet<anyhow::Result<()>>,
    pub(super) token: CancellationToken,
}

impl Part {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            token: CancellationToken::new(),
        }
    }

    pub(super) async fn stop(&mut self) -> bool {
        self.token.cancel();
        let mut clean = true;
        while let Some(ended) = self.tasks.join_next().await {
            clean &= matches!(ended, Ok(Ok(())));
        }
        clean
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
    pub(super) async fn stop_front(&mut self) -> bool {
        let hub = self.hub.stop().await;
        let machines = self.machines.stop().await;
        let front = self.front.stop().await;
        let calls = self.calls.stop().await;
        hub && machines && front && calls
    }
}
