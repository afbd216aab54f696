//! What was answered, on its way to the queue, and loans that are extended meanwhile: one task for all messages that one
//! receiver has been lent. It lives for as long as any of them is out, longer than the receiver if need be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::change::Change;
use super::Aws;

mod change;

/// How long a message is ours without a word from us. We extend it while we live; when we are killed, another has to wait
/// this long, so it is short.
pub(super) const LOAN: Duration = Duration::from_secs(20);
/// When a loan is extended: a lost request or two do no harm.
const RENEWAL: Duration = Duration::from_secs(8);
/// How long an answer waits for others to go with.
const GATHER: Duration = Duration::from_millis(100);
/// A request takes so many.
const BATCH: usize = 10;

/// Which of a receiver's loans.
type Ticket = u64;

/// What is told to the task.
#[derive(Debug)]
enum Said {
    Lent(Ticket, String),
    Answered(Ticket, Answer),
    /// Tells back when no answer is on its way and nothing is lent.
    Settle(oneshot::Sender<()>),
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is gone for good.
    Done,
    /// It comes again after so many seconds.
    Again(i32),
}

/// The way to the task. There are no more words on it than a receiver may hold messages.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    said: mpsc::UnboundedSender<Said>,
    next: Arc<std::sync::atomic::AtomicU64>,
}

impl Answers {
    /// Starts the task for loans of the queue at `url`.
    pub(super) fn start(queue: &Arc<Aws>, url: &str) -> Self {
        let (said, words) = mpsc::unbounded_channel();
        let desk = Desk {
            queue: Arc::clone(queue),
            url: url.to_owned(),
            lent: HashMap::new(),
            ready: Vec::new(),
            settling: Vec::new(),
        };
        queue.background.spawn(desk.run(words));
        Self {
            said,
            next: Arc::default(),
        }
    }

    /// A message has been lent to us just now, against this receipt.
    pub(super) fn lend(&self, receipt: String) -> Lent {
        let ticket = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.say(Said::Lent(ticket, receipt));
        Lent {
            answers: self.clone(),
            ticket: Some(ticket),
        }
    }

    /// Waits until all answers are with the queue.
    pub(super) async fn settled(&self) {
        let (tell, told) = oneshot::channel();
        self.say(Said::Settle(tell));
        // If the task has ended, nothing is left.
        drop(told.await);
    }

    fn say(&self, word: Said) {
        // The task ends after the last of us.
        drop(self.said.send(word));
    }
}

/// One loan. Dropped without an answer, it is given back.
#[derive(Debug)]
pub(super) struct Lent {
    answers: Answers,
    ticket: Option<Ticket>,
}

/// When what nobody answered comes again.
const DROPPED: Answer = Answer::Again(1);

impl Lent {
    pub(super) fn answer(mut self, answer: Answer) {
        self.give(answer);
    }

    fn give(&mut self, answer: Answer) {
        if let Some(ticket) = self.ticket.take() {
            self.answers.say(Said::Answered(ticket, answer));
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.give(DROPPED);
    }
}

/// The task.
struct Desk {
    queue: Arc<Aws>,
    url: String,
    lent: HashMap<Ticket, Loan>,
    ready: Vec<Change>,
    settling: Vec<oneshot::Sender<()>>,
}

struct Loan {
    receipt: String,
    renewed: Instant,
}

impl Desk {
    async fn run(mut self, mut words: mpsc::UnboundedReceiver<Said>) {
        let mut ticks = interval(GATHER);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                word = words.recv() => match word {
                    Some(word) => self.hear(word),
                    None => break,
                },
                _ = ticks.tick() => {
                    self.renew();
                    self.send().await;
                }
            }
            if self.ready.len() >= BATCH {
                self.send().await;
            }
        }
        while !self.ready.is_empty() {
            self.send().await;
            ticks.tick().await;
        }
    }

    fn hear(&mut self, word: Said) {
        match word {
            Said::Lent(ticket, receipt) => {
                let renewed = Instant::now();
                self.lent.insert(ticket, Loan { receipt, renewed });
            }
            Said::Answered(ticket, answer) => {
                if let Some(loan) = self.lent.remove(&ticket) {
                    self.ready.push(Change::new(loan.receipt, answer.into()));
                }
            }
            Said::Settle(tell) => self.settling.push(tell),
        }
    }

    /// Extends what has been out for a while.
    fn renew(&mut self) {
        let now = Instant::now();
        let due = |loan: &&mut Loan| now.duration_since(loan.renewed) >= RENEWAL;
        for loan in self.lent.values_mut().filter(due) {
            loan.renewed = now;
            let renewal = Change::new(loan.receipt.clone(), change::What::Keep);
            self.ready.push(renewal);
        }
    }

    /// One try of everything that is ready. What was not taken for reasons that pass stays for the next.
    async fn send(&mut self) {
        let ready = std::mem::take(&mut self.ready);
        if !ready.is_empty() {
            self.ready = change::make(&self.queue, &self.url, ready).await;
        }
        if self.ready.is_empty() && self.lent.is_empty() {
            for tell in self.settling.drain(..) {
                // Whoever asked may have stopped waiting.
                tell.send(()).unwrap_or_default();
            }
        }
    }
}
