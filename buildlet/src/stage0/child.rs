//! The buildlet as a child of stage0.

#[cfg(unix)]
#[path = "child/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "child/windows.rs"]
mod system;

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::args::Stage0Args;
use crate::vars::Vars;
use system::{Started, start};

/// For the buildlet to end when it is told: it takes five seconds itself.
const GRACE: Duration = Duration::from_secs(15);

/// How long things took before it could start; it tells its hub.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// Until there was a network.
    pub network: Duration,
    /// The download.
    pub download: Duration,
}

/// How it came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, well.
    Itself,
    /// We were told to end, and told it.
    Told,
}

/// Runs it until it ends, or until `shutdown`.
///
/// # Errors
/// It cannot be started, or fails.
pub async fn run(
    args: &Stage0Args,
    vars: &Vars,
    delays: Delays,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<End> {
    let file = std::path::absolute(&args.file)?;
    let mut command = Command::new(&file);
    command
        .args(&args.options)
        .env_clear()
        .envs(vars.all().iter().cloned())
        .env("GO_STAGE0_NET_DELAY", as_go(delays.network))
        .env("GO_STAGE0_DL_DELAY", as_go(delays.download))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let mut child =
        start(&mut command).with_context(|| format!("cannot start {}", file.display()))?;
    let ended = tokio::select! {
        status = child.0.wait() => status.map(Some),
        () = shutdown => tell(&mut child).await.map(|()| None),
    };
    match ended? {
        None => Ok(End::Told),
        Some(status) if status.success() => Ok(End::Itself),
        Some(status) => bail!("the buildlet ended: {}", of(status)),
    }
}

async fn tell(child: &mut Started) -> std::io::Result<()> {
    child.tell()?;
    match tokio::time::timeout(GRACE, child.0.wait()).await {
        Ok(ended) => ended.map(drop),
        Err(_) => child.0.kill().await,
    }
}

fn of(status: ExitStatus) -> String {
    status.to_string()
}

/// As Go writes durations, in tenths of seconds.
fn as_go(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    let (minutes, tenths) = (tenths / 600, tenths % 600);
    let seconds = match (tenths / 10, tenths % 10) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, tenth) => format!("{seconds}.{tenth}s"),
    };
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_written_as_go_does() {
        for (milliseconds, text) in [
            (0, "0s"),
            (49, "0s"),
            (50, "0.1s"),
            (1_234, "1.2s"),
            (60_000, "1m0s"),
            (62_300, "1m2.3s"),
            (3_600_000, "1h0m0s"),
        ] {
            assert_eq!(as_go(Duration::from_millis(milliseconds)), text);
        }
    }
}
