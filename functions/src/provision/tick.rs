//! `POST /provision/tick`: every machine is explained by an order, and every order by a machine; what is not is put right, as
//! far as the time of one request goes. The next pass does the rest.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use farm_core::pool::{Census, MachinePool, Mark, Step, settle};
use farm_model::id::PoolName;
use farm_model::message::progress::OrderEvent;
use farm_model::view::PoolsView;
use farm_pool::{Pool, Pools};
use farm_runtime::Failure;
use futures::future::join_all;
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout};

use super::decide::overdue;
use super::{AT_ONCE, PATIENCE, Provision};

/// After so long nothing more is begun: what is under way has to end within the time of a request.
const ENOUGH: Duration = Duration::from_secs(12);
/// Things done in one pass of one pool.
const STEPS: usize = 200;

pub(super) async fn post(State(provision): State<Arc<Provision>>) -> Result<StatusCode, Failure> {
    let Some(pools) = &provision.pools else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let errors = timeout(PATIENCE, provision.pass(pools)).await;
    let errors = errors.map_err(|_| Failure::again("a pass of the pools took too long"))?;
    match errors.as_slice() {
        [] => Ok(StatusCode::NO_CONTENT),
        _ => Err(Failure::again(errors.join("; "))),
    }
}

impl Provision {
    /// One pass over all pools. Returns what could not be done.
    async fn pass(&self, pools: &Pools) -> Vec<String> {
        let began = Instant::now();
        let passes = pools.iter().map(|(name, pool)| async move {
            let errors = self.pass_of(name, pool, began).await;
            let named = errors.into_iter().map(|error| format!("{name}: {error}"));
            named.collect::<Vec<_>>()
        });
        join_all(passes).await.into_iter().flatten().collect()
    }

    async fn pass_of(&self, name: &PoolName, pool: &Pool, began: Instant) -> Vec<String> {
        // Before the answer: whatever comes later is newer.
        let at = self.clock.now();
        let census = match pool.list().await {
            Ok(machines) => Census { at, machines },
            Err(error) => return vec![error.to_string()],
        };
        // After the machines: an order is written down before its machine is made.
        let view = self.orders().await;
        let steps = steps(name, view.as_ref().ok().and_then(Option::as_ref), &census);
        let steps = within(room(pool, &census), steps).take(STEPS);
        let done = steps.map(|step| self.step_in_time(pool, step, &census, began));
        let done: Vec<_> = done.collect();
        let done = stream::iter(done).buffered(AT_ONCE).collect::<Vec<_>>();
        let errors = done.await.into_iter().filter_map(Result::err);
        view.err().into_iter().chain(errors).collect()
    }

    async fn step_in_time(
        &self,
        pool: &Pool,
        step: Step,
        census: &Census,
        began: Instant,
    ) -> Result<(), String> {
        match began.elapsed() < ENOUGH {
            true => self.step(pool, step, census).await,
            // The next pass sees the same.
            false => Ok(()),
        }
    }

    async fn step(&self, pool: &Pool, step: Step, census: &Census) -> Result<(), String> {
        match step {
            Step::Delete { name, place, why } => {
                tracing::info!(machine = %name, %place, %why, "a machine is deleted");
                let deleted = pool.delete(&name, Some(&place)).await;
                deleted.map_err(|error| format!("{name}: {error}"))
            }
            Step::There { order, place } => {
                self.tell(&order, OrderEvent::Made { place }, None).await
            }
            Step::Gone { order, reason } => {
                self.tell(&order, OrderEvent::Gone { reason }, None).await
            }
            Step::Make(order) => {
                let what = self.make(pool, &order, &census.machines).await?;
                self.tell(&order, what, None).await
            }
        }
    }
}

/// What there is to do. Without orders nobody knows what is not wanted.
fn steps(name: &PoolName, view: Option<&PoolsView>, census: &Census) -> Vec<Step> {
    match view {
        Some(view) => settle(name, view, census),
        None => overdue(census),
    }
}

/// How many more there may be.
fn room(pool: &Pool, census: &Census) -> usize {
    let ours = census.machines.iter().filter(|m| m.mark == Mark::Ours);
    pool.most().saturating_sub(ours.count())
}

/// `steps` with no more machines made than there is room for: who asks in the next pass is told that there is none.
fn within(room: usize, steps: Vec<Step>) -> impl Iterator<Item = Step> {
    let mut made = 0;
    steps.into_iter().filter(move |step| {
        made += usize::from(matches!(step, Step::Make(_)));
        !matches!(step, Step::Make(_)) || made <= room.max(1)
    })
}
