//! Keeps as many machines as there is work for: as many as may be while something is built, few once it is quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use coordinator::Status;
use futures::future::join_all;
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use farm_core::pool::{Census, Limits, MachinePool, Order, Records, reap, scale};
use farm_model::id::{HostType, MachineName};
use farm_runtime::Clock;

/// How often it looks without having been told of anything.
const LOOK: Duration = Duration::from_secs(1);
/// How long a machine may be there without an order: none of ours ever is.
const GRACE: SignedDuration = SignedDuration::from_secs(10);

/// What there should be of a pool.
#[derive(Debug)]
pub(super) struct Keeper<P> {
    pool: P,
    limits: Limits,
    clock: Clock,
    orders: BTreeMap<MachineName, Order>,
    /// Host types for which there were machines already.
    started: BTreeSet<HostType>,
    /// Since when nothing is built.
    quiet: Option<Instant>,
}

impl<P: MachinePool<Order = Order>> Keeper<P> {
    pub(super) fn new(pool: P, limits: Limits, clock: Clock) -> Self {
        Self {
            pool,
            limits,
            clock,
            orders: BTreeMap::new(),
            started: BTreeSet::new(),
            quiet: None,
        }
    }

    /// Until `shutdown`. Machines are of `hosts`, and of the types that the builders of a later `farm.toml` need; of a type
    /// that is new there are as many as may be at once, so that the first build waits for none.
    pub(super) async fn run(
        mut self,
        hosts: Vec<HostType>,
        mut status: watch::Receiver<Status>,
        shutdown: CancellationToken,
    ) {
        let mut needed: BTreeSet<HostType> = hosts.into_iter().collect();
        loop {
            let now = status.borrow_and_update().clone();
            if now.observed && !now.hosts.is_empty() {
                needed.clone_from(&now.hosts);
            }
            self.pass(&needed, &now).await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                Ok(()) = status.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Once: what is missing is made, and what is too much or unknown goes.
    async fn pass(&mut self, needed: &BTreeSet<HostType>, status: &Status) {
        let calm = status.observed && status.open == 0;
        self.quiet = calm.then(|| self.quiet.unwrap_or_else(Instant::now));
        let quiet = self.quiet.map(|since| since.elapsed());
        let mut gone = Vec::new();
        for host in needed {
            let waiting = status.waiting.get(host).copied().unwrap_or(0);
            let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
            let there = self.count(host);
            let wanted = if self.started.insert(host.clone()) {
                self.limits.most
            } else {
                scale(self.limits, there, waiting, quiet)
            };
            for _ in there..wanted {
                self.make(host).await;
            }
            gone.extend(self.last(host, there.saturating_sub(wanted)));
        }
        if quiet.is_some_and(|quiet| quiet >= self.limits.idle) {
            // What no builder needs any more.
            let needless = self.orders.values().filter(|o| !needed.contains(&o.host));
            gone.extend(needless.map(|order| order.name.clone()));
            self.started.retain(|host| needed.contains(host));
        }
        for name in &gone {
            self.orders.remove(name);
        }
        gone.extend(self.unexplained().await);
        for deleted in join_all(gone.iter().map(|name| self.pool.delete(name, None))).await {
            if let Err(error) = deleted {
                tracing::warn!(%error, "a machine is not deleted yet");
            }
        }
    }

    fn of<'a>(&'a self, host: &'a HostType) -> impl DoubleEndedIterator<Item = &'a Order> {
        self.orders
            .values()
            .filter(move |order| order.host == *host)
    }

    fn count(&self, host: &HostType) -> u32 {
        u32::try_from(self.of(host).count()).unwrap_or(u32::MAX)
    }

    /// One more, under the first name that is free.
    async fn make(&mut self, host: &HostType) {
        let names = (1_u32..).map_while(|number| format!("{host}-{number}").parse().ok());
        let free = names
            .into_iter()
            .find(|name| !self.orders.contains_key(name));
        let Some(name): Option<MachineName> = free else {
            return tracing::error!(%host, "no machine can be named after this host type");
        };
        let order = Order {
            name: name.clone(),
            host: host.clone(),
            at: self.clock.now(),
            until: None,
        };
        match self.pool.create(&order).await {
            Ok(_) => drop(self.orders.insert(name, order)),
            Err(error) => tracing::warn!(machine = %name, %error, "not made; tried again"),
        }
    }

    /// The names of the `count` machines that were made last: those with the highest numbers.
    fn last(&self, host: &HostType, count: u32) -> Vec<MachineName> {
        let mut names: Vec<_> = self.of(host).map(|order| order.name.clone()).collect();
        names.sort_by_key(|name| std::cmp::Reverse((name.as_str().len(), name.clone())));
        names.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        names
    }

    async fn unexplained(&self) -> Vec<MachineName> {
        let at = self.clock.now();
        let machines = match self.pool.list().await {
            Ok(machines) => machines,
            Err(error) => {
                tracing::warn!(%error, "nothing is known of the machines");
                return Vec::new();
            }
        };
        let records = Records {
            at: self.clock.now(),
            orders: self.orders.clone(),
        };
        let found = reap(&records, &Census { at, machines }, GRACE);
        found.into_iter().map(|(name, _)| name).collect()
    }
}
