//! Many records: parsed on several threads while the database reads the next.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// Records handed over at once.
const PORTION: usize = 256;
/// Portions that wait for one thread.
const AHEAD: usize = 4;
/// More threads than this wait for the database.
const MOST_THREADS: usize = 8;

/// A record's key, which only errors use, and its JSON.
type Raw = (String, String);

/// Parses what `feed` hands out. The order is lost.
pub fn records<T: DeserializeOwned + Send>(
    table: &'static str,
    feed: impl FnOnce(&mut dyn FnMut(&str, &str)) -> Result<(), Fault>,
) -> Result<Vec<T>, Fault> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let mut dealer = Dealer::default();
        let parsers: Vec<_> = (0..threads.clamp(1, MOST_THREADS))
            .map(|_| {
                let (to, from) = sync_channel(AHEAD);
                dealer.to.push(to);
                scope.spawn(move || parse_all(table, &from))
            })
            .collect();
        let fed = feed(&mut |key, body| dealer.deal(key, body));
        dealer.hand_over();
        drop(dealer);
        let mut all = Vec::new();
        for parser in parsers {
            let part = parser
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all.append(&mut part?);
        }
        fed.map(|()| all)
    })
}

/// Parses one record.
pub fn record<T: DeserializeOwned>(table: &'static str, key: &str, body: &str) -> Result<T, Fault> {
    serde_json::from_str(body).map_err(|error| Fault::Record {
        table,
        key: key.to_owned(),
        error,
    })
}

fn parse_all<T: DeserializeOwned>(
    table: &'static str,
    from: &Receiver<Vec<Raw>>,
) -> Result<Vec<T>, Fault> {
    let mut parsed = Vec::new();
    for portion in from {
        for (key, body) in portion {
            parsed.push(record(table, &key, &body)?);
        }
    }
    Ok(parsed)
}

/// Gives portions to the parsers in turn.
#[derive(Default)]
struct Dealer {
    to: Vec<SyncSender<Vec<Raw>>>,
    portion: Vec<Raw>,
    next: usize,
}

impl Dealer {
    fn deal(&mut self, key: &str, body: &str) {
        self.portion.push((key.to_owned(), body.to_owned()));
        if self.portion.len() == PORTION {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let portion = std::mem::take(&mut self.portion);
        // A parser that has gone met a record that does not read: that is its answer.
        let _ = self.to[self.next].send(portion);
        self.next = (self.next + 1) % self.to.len();
    }
}
