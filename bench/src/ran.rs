//! Commands that write down when they began: what ours and a peer are both measured by.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Nanoseconds since 1970 as `date` prints them, and the end of the line.
const LINE: u64 = 20;

/// A file of times.
#[derive(Debug, Clone)]
pub struct Ran(PathBuf);

impl Ran {
    /// The file at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The command that adds a line.
    #[must_use]
    pub fn command(&self) -> String {
        format!("date +%s%N >>{}", self.0.display())
    }

    /// How many have begun.
    #[must_use]
    pub fn count(&self) -> usize {
        let bytes = std::fs::metadata(&self.0).map_or(0, |file| file.len());
        (bytes / LINE) as usize
    }

    /// Waits until so many have begun.
    pub async fn wait(&self, count: usize, patience: Duration) {
        let end = Instant::now() + patience;
        while self.count() < count {
            assert!(
                Instant::now() < end,
                "only {} of {count} commands have run after {patience:?}",
                self.count()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// When each began, in seconds since 1970: those after the first `skip`, sorted.
    #[must_use]
    pub fn times(&self, skip: usize) -> Vec<f64> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let lines = text.lines().skip(skip);
        let mut times: Vec<_> = lines
            .map(|line| line.parse::<u64>().unwrap() as f64 / 1e9)
            .collect();
        times.sort_by(f64::total_cmp);
        times
    }

    /// Commands a second, from the first to the last of those after the first `skip`.
    #[must_use]
    pub fn rate(&self, skip: usize) -> f64 {
        let times = self.times(skip);
        (times.len() - 1) as f64 / (times[times.len() - 1] - times[0])
    }
}

/// Now, in the same seconds.
#[must_use]
pub fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}
