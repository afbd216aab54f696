//! The emulator's lives: each is ended with `SIGKILL`, and the next begins at once on the same port and folder.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench::figures::Spread;
use bench::pubsub::{Program, Server};

/// One life of the emulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life(pub u64);

pub struct Lives {
    pub address: String,
    /// The life that began last.
    number: AtomicU64,
    server: tokio::sync::Mutex<Server>,
    /// When each life was ended, in order.
    ends: Mutex<Vec<Instant>>,
    /// Milliseconds from the start of each next process until it took connections.
    ready: Mutex<Vec<f64>>,
}

impl Lives {
    pub async fn start(program: &Program, scratch: &Path) -> Self {
        let (server, _) = Server::ready(program, scratch).await;
        Self {
            address: server.address.clone(),
            number: AtomicU64::new(0),
            server: tokio::sync::Mutex::new(server),
            ends: Mutex::default(),
            ready: Mutex::default(),
        }
    }

    pub fn now(&self) -> Life {
        Life(self.number.load(Ordering::SeqCst))
    }

    /// When a life was ended; `None` while it goes on.
    pub fn end_of(&self, life: Life) -> Option<Instant> {
        let at = usize::try_from(life.0).unwrap();
        self.ends.lock().unwrap().get(at).copied()
    }

    /// Ends this life, begins the next, and waits until it takes connections.
    pub async fn kill(&self) {
        let mut server = self.server.lock().await;
        // Before the signal: whoever sees the new number has seen nothing of the next life yet, which does no harm; the
        // other way round, a message of the next life would be taken for one of this.
        self.ends.lock().unwrap().push(Instant::now());
        self.number.fetch_add(1, Ordering::SeqCst);
        server.kill().await;
        let began = Instant::now();
        server.again();
        server.listening().await;
        self.ready
            .lock()
            .unwrap()
            .push(began.elapsed().as_secs_f64() * 1e3);
    }

    pub async fn kill_every(&self, pause: Duration, end: Instant) {
        let mut next = Instant::now() + pause;
        while next < end {
            tokio::time::sleep_until(next.into()).await;
            self.kill().await;
            next += pause;
        }
    }

    pub fn summary(&self) -> String {
        let ready = self.ready.lock().unwrap();
        format!(
            "kill -9: {}; start to listening again: {} ms",
            ready.len(),
            Spread::of(&ready)
        )
    }
}
