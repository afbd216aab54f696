//! How many machines may speak version 1 of reverse dialing.

use std::sync::Arc;

use farm_wire::head::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As in 2019. One such machine may hold 64 connections with 2 MiB each.
const MAX: usize = 10;

/// Places for such machines.
#[derive(Debug)]
pub struct V1Places(Arc<Semaphore>);

impl Default for V1Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX)))
    }
}

impl V1Places {
    /// A place, free again once it is dropped.
    ///
    /// # Errors
    /// The answer to give where all are taken.
    pub fn take(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            let text = format!(
                "too many machines with a buildlet before version 23: at most {MAX} are served at once"
            );
            Refusal::new(503, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_machines_are_served_at_once() {
        let places = V1Places::default();
        let mut taken: Vec<_> = (0..MAX).map(|_| places.take().unwrap()).collect();
        assert_eq!(places.take().unwrap_err().status, 503);
        taken.pop();
        assert!(places.take().is_ok());
    }
}
