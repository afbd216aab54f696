//! Notices at once that a plain-text server has died.
//!
//! The client reconnects by itself, after pauses that grow to a minute and cannot be set: an emulator that was away for ten
//! seconds would be found again half a minute after it is back. So we hold an idle connection of our own. It ends when the
//! server does, and then the stream is given up and made anew as soon as the server answers again.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// A server on a machine that does not answer at all.
const CONNECT: Duration = Duration::from_secs(3);
/// Between connections to a server that hangs up on those that say nothing.
const REDIAL: Duration = Duration::from_millis(250);

/// The idle connection.
#[derive(Debug)]
pub(super) struct Sentinel {
    address: String,
    connection: TcpStream,
}

impl Sentinel {
    /// Connects once.
    ///
    /// # Errors
    /// The server is not there.
    pub(super) async fn connect(address: &str) -> io::Result<Self> {
        Ok(Self {
            address: address.to_owned(),
            connection: dial(address).await?,
        })
    }

    /// Returns when the server no longer takes connections. One that only hung up on us is dialed again, and counts as
    /// alive: the client's own first try is a tenth of a second away then.
    pub(super) async fn gone(mut self) {
        loop {
            ended(&mut self.connection).await;
            match dial(&self.address).await {
                Ok(connection) => self.connection = connection,
                Err(_) => return,
            }
            sleep(REDIAL).await;
        }
    }
}

async fn dial(address: &str) -> io::Result<TcpStream> {
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(connected) => connected,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Until the peer ends the connection; whatever it says before is of no interest.
async fn ended(connection: &mut TcpStream) {
    let mut buffer = [0; 64];
    while matches!(connection.read(&mut buffer).await, Ok(1..)) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_server_that_hangs_up_is_alive_and_one_that_is_not_there_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let sentinel = Sentinel::connect(&address).await.unwrap();
        let mut gone = tokio::task::JoinSet::new();
        gone.spawn(sentinel.gone());
        for _ in 0..2 {
            drop(listener.accept().await.unwrap());
        }
        let (last, _) = listener.accept().await.unwrap();
        assert!(gone.try_join_next().is_none());
        drop(listener);
        drop(last);
        let ended = timeout(Duration::from_secs(10), gone.join_next()).await;
        ended.unwrap().unwrap().unwrap();
        assert!(Sentinel::connect(&address).await.is_err());
    }
}
