//! A part that may be cut off at any moment and is started again.

use std::future::Future;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Cuts a part off. A part whose cutter was dropped lives one life.
#[derive(Debug)]
pub(crate) struct Cutter(mpsc::Sender<Duration>);

/// The part's end of it.
#[derive(Debug)]
pub(crate) struct Cuts(mpsc::Receiver<Duration>);

/// A new pair.
pub(crate) fn cutter() -> (Cutter, Cuts) {
    let (send, receive) = mpsc::channel(1);
    (Cutter(send), Cuts(receive))
}

impl Cutter {
    /// The part vanishes as if its process were killed, and is started again after `away`. False if it is away already.
    pub(crate) fn cut(&self, away: Duration) -> bool {
        self.0.try_send(away).is_ok()
    }
}

/// Lives `start()`, again after each cut, until a life ends by itself or `stop` comes between two.
pub(crate) async fn live<L>(
    start: impl Fn() -> L,
    mut cuts: Cuts,
    stop: CancellationToken,
) -> anyhow::Result<()>
where
    L: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    loop {
        let mut life = JoinSet::new();
        life.spawn(start());
        let away = tokio::select! {
            Some(ended) = life.join_next() => return ended.unwrap_or_else(|panic| Err(anyhow!("crashed: {panic}"))),
            Some(away) = cuts.0.recv() => away,
        };
        life.shutdown().await;
        tokio::select! {
            () = tokio::time::sleep(away) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_part_that_is_cut_off_lives_again() {
        let (cutter, cuts) = cutter();
        let (lives, stop) = (Arc::new(AtomicU32::new(0)), CancellationToken::new());
        let part = {
            let (lives, stop) = (lives.clone(), stop.clone());
            move || {
                let life = lives.fetch_add(1, Ordering::Relaxed);
                let stop = stop.clone();
                async move {
                    if life == 1 {
                        stop.cancelled().await;
                        return Ok(());
                    }
                    std::future::pending().await
                }
            }
        };
        assert!(cutter.cut(Duration::ZERO));
        let never = CancellationToken::new();
        let ended = tokio::join!(live(part, cuts, never), async {
            while lives.load(Ordering::Relaxed) < 2 {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        });
        assert!(ended.0.is_ok());
        assert_eq!(lives.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_life_that_ends_by_itself_is_not_lived_again() {
        let (_, cuts) = cutter();
        let fails = || async { Err(anyhow!("no")) };
        let ended = live(fails, cuts, CancellationToken::new()).await;
        assert_eq!(ended.unwrap_err().to_string(), "no");
    }
}
