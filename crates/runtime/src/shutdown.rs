//! How a process ends: the first signal asks, the second does not.

use tokio_util::sync::CancellationToken;

/// Exit code after a second signal, as shells count it.
const INTERRUPTED: i32 = 130;

/// A request to end, made by signals.
#[derive(Debug, Clone)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Listens to Ctrl-C and SIGTERM from now on: the first cancels the token, the second ends the process with code 130.
    /// Must be called within a tokio runtime.
    #[must_use]
    pub fn on_signals() -> Self {
        let token = CancellationToken::new();
        match Signals::listen() {
            Ok(signals) => attend(signals, token.clone()),
            Err(error) => {
                tracing::warn!(%error, "signals end this process at once: it cannot listen to them")
            }
        }
        Self(token)
    }

    /// The token that is cancelled at the first signal.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}

/// Cancels the token when standard input ends: a process that was started by another for itself does not outlive it, however
/// that one ends. Standard input is of no other use then.
///
/// # Errors
/// There can be no further thread.
pub fn when_stdin_closes(token: CancellationToken) -> std::io::Result<()> {
    let watch = move || {
        let _any_end = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        token.cancel();
    };
    // A read blocks a thread of its own, since a runtime waits for its own threads at the end.
    std::thread::Builder::new().spawn(watch).map(drop)
}

fn attend(mut signals: Signals, token: CancellationToken) {
    #[expect(
        clippy::disallowed_methods,
        reason = "lives as long as the process, and ends it"
    )]
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("asked to end; a second signal ends at once");
        token.cancel();
        signals.next().await;
        std::process::exit(INTERRUPTED);
    });
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
