//! Waiting for a machine to be there: `GET /` until it is answered with 200 (`buildlet.md` 13.4). A machine that boots may
//! refuse, say nothing, or answer with an error of something before it; all of that only means: not yet.

use std::time::Duration;

use farm_wire::head::read_answer;
use farm_wire::revdial::listener::Backoff;
use farm_wire::stream::Connect;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, sleep, timeout};

/// How long a machine is expected at any moment.
const BOOTING: Duration = Duration::from_secs(10 * 60);
/// Between two probes of such a one.
const OFTEN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3));
/// Between two probes of one that did not come.
const SELDOM: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5 * 60));
/// For one probe.
const LIMIT: Duration = Duration::from_secs(10);

/// Paces the tries of one machine.
pub struct Patience {
    since: Instant,
    often: Backoff,
    seldom: Backoff,
}

impl Patience {
    /// Of a machine that is new, or was there a moment ago.
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            often: Backoff::new(OFTEN.0, OFTEN.1),
            seldom: Backoff::new(SELDOM.0, SELDOM.1),
        }
    }

    /// Whether it ought to be there by now.
    pub fn is_over(&self) -> bool {
        self.since.elapsed() >= BOOTING
    }

    /// Waits for the next try.
    pub async fn wait(&mut self) {
        let pause = if self.is_over() {
            self.seldom.next_wait()
        } else {
            self.often.next_wait()
        };
        sleep(pause).await;
    }

    /// Waits as long as for a machine that did not come: what is wrong does not heal by itself.
    pub async fn wait_long(&mut self) {
        sleep(self.seldom.next_wait()).await;
    }
}

/// Asks once, on a connection of its own.
///
/// # Errors
/// Why the machine is not there yet, for people.
pub async fn probe(connect: &dyn Connect, host: &str) -> Result<(), String> {
    let asked = async {
        let mut stream = connect.connect().await.map_err(|error| error.to_string())?;
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let sent = async {
            stream.write_all(request.as_bytes()).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| error.to_string())?;
        let answer = read_answer(stream, LIMIT).await;
        match answer.map_err(|error| error.to_string())?.0.status {
            200 => Ok(()),
            status => Err(format!("it answers {status}")),
        }
    };
    timeout(LIMIT, asked)
        .await
        .map_err(|_| format!("no answer within {} s", LIMIT.as_secs()))?
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use farm_wire::stream::{BoxStream, connect_fn};
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    /// A machine that gives one of these answers to each probe, and the last one for ever.
    fn machine(answers: &'static [&'static str]) -> impl Connect {
        let asked = AtomicUsize::new(0);
        connect_fn(move || {
            let number = asked.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            let answer = answers[number];
            async move {
                if answer == "refused" {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let (near, mut far) = duplex(4096);
                tokio::task::spawn_local(async move {
                    let mut request = [0; 16];
                    far.read_exact(&mut request).await.unwrap();
                    assert_eq!(&request, b"GET / HTTP/1.1\r\n");
                    far.write_all(answer.as_bytes()).await.unwrap();
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                });
                Ok(Box::new(near) as BoxStream)
            }
        })
    }

    /// How often it was asked until it was there, and how long that took.
    async fn until_there(connect: &dyn Connect) -> (u32, Duration) {
        let (began, mut patience, mut asked) = (Instant::now(), Patience::new(), 1);
        while probe(connect, "vm").await.is_err() {
            patience.wait().await;
            asked += 1;
        }
        (asked, began.elapsed())
    }

    async fn local<T>(test: impl Future<Output = T>) -> T {
        tokio::task::LocalSet::new().run_until(test).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_boots_may_refuse_be_silent_or_answer_503() {
        let answers = &[
            "refused",
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "",
            "nonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ];
        let (asked, took) = local(until_there(&machine(answers))).await;
        assert_eq!(asked, 5);
        assert!(took < Duration::from_secs(30), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_does_not_come_is_asked_less_often_and_for_ever() {
        let away = machine(&["refused"]);
        let (began, mut patience, mut asked) = (Instant::now(), Patience::new(), 0);
        while began.elapsed() < BOOTING {
            assert!(probe(&away, "vm").await.is_err());
            patience.wait().await;
            asked += 1;
        }
        assert!((180..1000).contains(&asked), "{asked}");
        assert!(patience.is_over());
        let (day, mut later) = (Instant::now(), 0);
        while day.elapsed() < Duration::from_secs(24 * 3600) {
            patience.wait().await;
            later += 1;
        }
        assert!((288..600).contains(&later), "{later}");
    }
}
