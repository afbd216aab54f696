//! One machine is made.

use farm_core::pool::{CreateError, Found, MachinePool, Mark};
use farm_model::id::PoolName;
use farm_model::message::progress::OrderEvent;
use farm_model::order::{MachineOrder, NotMade};
use farm_pool::{Make, Pool};

use super::Provision;
use super::key::Key;

/// A pool that is ordered from and is not there.
pub(super) fn no_pool(name: &PoolName) -> OrderEvent {
    failed(NotMade::Refused, format!("FARM_POOLS has no pool {name}"))
}

fn failed(cause: NotMade, reason: String) -> OrderEvent {
    OrderEvent::Failed { cause, reason }
}

impl Provision {
    /// Makes it, unless it is there, or there may be no more. Says what came of it.
    ///
    /// # Errors
    /// Nothing came of it yet: the same again is safe.
    pub(super) async fn make(
        &self,
        pool: &Pool,
        order: &MachineOrder,
        there: &[Found],
    ) -> Result<OrderEvent, String> {
        if let Some(event) = without_making(pool, order, there) {
            return Ok(event);
        }
        let now = self.clock.now();
        let key = match self.key(order, now).await? {
            Key::Good(key) => key,
            Key::Taken => {
                let text = "the bucket has a record of another machine of that name";
                return Ok(failed(NotMade::Refused, text.to_owned()));
            }
            Key::Used => {
                let reason = "it has registered before, and is not there any more".to_owned();
                return Ok(OrderEvent::Gone { reason });
            }
        };
        let order = order.clone();
        let making = self.making.acquire().await;
        let _making = making.map_err(|error| error.to_string())?;
        let made = pool.create(&Make { order, key, now }).await;
        Ok(said(made))
    }
}

/// What is known before anybody is asked.
fn without_making(pool: &Pool, order: &MachineOrder, there: &[Found]) -> Option<OrderEvent> {
    let ours = || there.iter().filter(|m| m.mark == Mark::Ours);
    let mut same = ours().filter(|m| m.name == order.machine && !m.ended);
    if let Some(machine) = same.next() {
        let place = machine.place.clone();
        return Some(OrderEvent::Made { place });
    }
    let (count, most) = (ours().count(), pool.most());
    let full = format!("the pool has {count} machines, and may have {most}: `most` of FARM_POOLS");
    (count >= most).then(|| failed(NotMade::Quota, full))
}

fn said(made: Result<String, CreateError>) -> OrderEvent {
    match made {
        Ok(place) => OrderEvent::Made { place },
        Err(CreateError { cause, reason }) => failed(cause, reason),
    }
}
