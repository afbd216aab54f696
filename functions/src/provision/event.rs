//! What an event asks for.

use farm_core::pool::MachinePool;
use farm_model::event::{DecodeError, Event, Message};
use farm_model::message::result::{MachineUnwanted, MachineWanted};
use farm_model::order::MachineOrder;
use farm_model::trace::TraceParent;
use farm_pool::Pools;

use super::Provision;
use super::decide::is_current;

/// One thing to do.
#[derive(Debug)]
pub(super) enum Asked {
    Wanted(MachineWanted),
    Unwanted(MachineUnwanted),
}

impl Asked {
    /// What `event` asks for; none where it is for others.
    ///
    /// # Errors
    /// It is of a type that we know and does not read.
    pub(super) fn of(event: &Event) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match event.kind.as_str() {
            MachineWanted::TYPE => Self::Wanted(event.decode()?),
            MachineUnwanted::TYPE => Self::Unwanted(event.decode()?),
            _ => return Ok(None),
        }))
    }
}

impl Provision {
    /// Does it, and tells.
    ///
    /// # Errors
    /// It may not be done, or not be told: the same again does the rest.
    pub(super) async fn do_as_asked(
        &self,
        pools: &Pools,
        asked: Asked,
        event: &Event,
    ) -> Result<(), String> {
        match asked {
            Asked::Wanted(MachineWanted { order }) => {
                let trace = event.trace();
                self.wanted(pools, &order, event, trace.as_ref()).await
            }
            Asked::Unwanted(unwanted) => match pools.get(&unwanted.pool) {
                // That it is gone is told when it is: see the tick.
                Some(pool) => {
                    tracing::info!(machine = %unwanted.machine, reason = %unwanted.reason, "a machine is deleted");
                    let deleted = pool.delete(&unwanted.machine, None).await;
                    deleted.map_err(|error| error.to_string())
                }
                None => Ok(()),
            },
        }
    }

    async fn wanted(
        &self,
        pools: &Pools,
        order: &MachineOrder,
        event: &Event,
        trace: Option<&TraceParent>,
    ) -> Result<(), String> {
        let view = self.orders().await?;
        if !is_current(order, event.time, view.as_ref(), self.clock.now()) {
            tracing::info!(machine = %order.machine, attempt = order.attempt, "an order that is over is not heard");
            return Ok(());
        }
        let what = match pools.get(&order.pool) {
            None => super::make::no_pool(&order.pool),
            Some(pool) => {
                let there = pool.list().await.map_err(|error| error.to_string())?;
                self.make(pool, order, &there).await?
            }
        };
        self.tell(order, what, trace).await
    }
}
