//! A queue that delivers at least once, late, repeated and in any order.

use std::collections::BTreeMap;

use crate::rng::Rng;

/// Names a message on its queue; an acknowledgement counts whoever sends it.
pub type Handle = u64;
/// Names one life of a process.
pub type Life = u32;

/// How long a holder has to acknowledge, in milliseconds.
const ACK_WITHIN: i64 = 3_000;

struct Waiting<M> {
    body: M,
    /// Not delivered before.
    due: i64,
    holder: Option<Life>,
}

/// One subscription.
pub struct Queue<M> {
    messages: BTreeMap<Handle, Waiting<M>>,
    next: Handle,
    /// Nothing is delivered before: the queue hangs.
    pub hangs_until: i64,
}

impl<M> Default for Queue<M> {
    fn default() -> Self {
        Self {
            messages: BTreeMap::new(),
            next: 0,
            hangs_until: 0,
        }
    }
}

impl<M: Clone> Queue<M> {
    pub fn publish(&mut self, body: M, due: i64) {
        let waiting = Waiting {
            body,
            due,
            holder: None,
        };
        self.messages.insert(self.next, waiting);
        self.next += 1;
    }

    /// Any message that is due. It comes again unless it is acknowledged in time.
    pub fn take(&mut self, now: i64, life: Life, rng: &mut Rng) -> Option<(Handle, M)> {
        if now < self.hangs_until {
            return None;
        }
        let due = || self.messages.iter().filter(|(_, of)| of.due <= now);
        let nth = rng.below(due().count());
        let (handle, _) = due().nth(nth)?;
        let handle = *handle;
        let waiting = self.messages.get_mut(&handle)?;
        waiting.due = now + ACK_WITHIN;
        waiting.holder = Some(life);
        Some((handle, waiting.body.clone()))
    }

    pub fn ack(&mut self, handle: Handle) {
        self.messages.remove(&handle);
    }

    /// A process died: what it held comes again soon.
    pub fn let_go(&mut self, life: Life, now: i64) {
        for waiting in self.messages.values_mut() {
            if waiting.holder == Some(life) {
                waiting.holder = None;
                waiting.due = waiting.due.min(now + 500);
            }
        }
    }

    pub fn bodies(&self) -> impl Iterator<Item = &M> {
        self.messages.values().map(|waiting| &waiting.body)
    }
}
