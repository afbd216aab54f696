//! Asking an attempt to end.

use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

/// Asked once; the first reason counts.
#[derive(Debug, Default)]
pub struct Stop {
    token: CancellationToken,
    reason: OnceLock<String>,
}

impl Stop {
    /// Asks the attempt to end for `reason`.
    pub fn ask(&self, reason: &str) {
        self.reason.get_or_init(|| reason.to_owned());
        self.token.cancel();
    }

    /// Whether it is asked to end.
    pub fn is_asked(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Why it is asked to end, if it is.
    pub fn reason(&self) -> Option<String> {
        self.reason.get().cloned()
    }

    /// Returns the reason once the attempt is asked to end.
    pub async fn asked(&self) -> String {
        self.token.cancelled().await;
        self.reason.get().cloned().unwrap_or_default()
    }
}
