//! What a queue's client has to do.
//!
//! Trait objects and boxed futures: a client is a great deal of generated code, and what is behind a `dyn` is compiled here,
//! once, rather than in every crate that awaits it. A hub or coordinator builds in half the time for it.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use farm_model::event::Event;

use crate::dead::{DeadLetter, Judge, Sentence};
use crate::error::{BusError, PublishError};
use crate::receiver::{Limits, Receiver};
use crate::subscription::SubscriptionSpec;

/// What is to come.
pub(crate) type Promise<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A client of queues.
pub(crate) trait Queue: Debug + Send + Sync {
    fn publish<'a>(
        &'a self,
        topic: &'a str,
        event: &'a Event,
    ) -> Promise<'a, Result<(), PublishError>>;

    fn publish_all<'a>(
        &'a self,
        topic: &'a str,
        events: &'a [Event],
    ) -> Promise<'a, Result<(), PublishError>>;

    fn ensure<'a>(
        &'a self,
        subscriptions: &'a [SubscriptionSpec],
    ) -> Promise<'a, Result<(), BusError>>;

    fn settle_dead<'a>(
        &'a self,
        subscription: &'a str,
        most: u32,
        judge: Judge<'a>,
    ) -> Promise<'a, Result<Vec<(DeadLetter, Sentence)>, BusError>>;

    fn receive(self: Arc<Self>, subscription: &str, limits: Limits) -> Receiver;
}

/// An event that a queue has lent us, to be answered once.
pub(crate) trait Loan: Debug + Send {
    fn ack(self: Box<Self>);

    fn again(self: Box<Self>);

    fn reject<'a>(self: Box<Self>, event: &'a Event, reason: &'a str) -> Promise<'a, ()>;
}
