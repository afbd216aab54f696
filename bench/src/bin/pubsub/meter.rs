//! A rate while work goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench::machine::cpu_seconds;
use bench::pubsub::Server;
use tokio::task::JoinSet;

/// The first moments, in which virtual machines and buffers warm up, are not counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// What was done.
pub type Count = Arc<AtomicU64>;

/// Of one measurement.
#[derive(Clone, Copy)]
pub struct Rate {
    pub per_second: f64,
    /// Microseconds of CPU that the emulator took for one message.
    pub server_us: f64,
    /// The same of this client.
    pub client_us: f64,
}

/// Lets `tasks` work, and says how fast `count` grows meanwhile.
pub async fn rate(
    server: &Server,
    mut tasks: JoinSet<()>,
    count: &Count,
    length: Duration,
) -> Rate {
    let rate = tokio::select! {
        rate = watch(server.pid(), count, length) => rate,
        ended = tasks.join_next() => panic!("a client of {} has ended: {ended:?}", server.kind.name()),
    };
    // Whoever asks for a subscription after it has been cleared away ends in an error.
    tasks.shutdown().await;
    rate
}

async fn watch(server: u32, count: &Count, length: Duration) -> Rate {
    tokio::time::sleep(WARM_UP).await;
    let cpu = || (cpu_seconds(server), cpu_seconds(std::process::id()));
    let (began, first, before) = (Instant::now(), count.load(Ordering::Relaxed), cpu());
    tokio::time::sleep(length).await;
    let done = (count.load(Ordering::Relaxed) - first) as f64;
    let (seconds, after) = (began.elapsed().as_secs_f64(), cpu());
    let each = |seconds: f64| seconds * 1e6 / done.max(1.0);
    Rate {
        per_second: done / seconds,
        server_us: each(after.0 - before.0),
        client_us: each(after.1 - before.1),
    }
}
