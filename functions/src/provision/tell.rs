//! What became of an order is told.

use farm_model::message::progress::{OrderEvent, OrderProgress};
use farm_model::order::MachineOrder;
use farm_model::trace::TraceParent;

use super::Provision;
use crate::publish::{self, Unpublished};

/// Who publishes.
const PUBLISHER: &str = "/functions/provision";

impl Provision {
    /// Tells the coordinator; the same about the same try is one event.
    ///
    /// # Errors
    /// It is not on the queue.
    pub(super) async fn tell(
        &self,
        order: &MachineOrder,
        what: OrderEvent,
        trace: Option<&TraceParent>,
    ) -> Result<(), String> {
        let at = self.clock.now();
        let (machine, attempt) = (&order.machine, order.attempt);
        let id = format!("order:{machine}:{attempt}:{}", kind(&what));
        tracing::info!(%machine, attempt, pool = %order.pool, ?what, "an order's progress");
        let progress = OrderProgress {
            machine: machine.clone(),
            pool: order.pool.clone(),
            attempt,
            at,
            what,
        };
        let told = publish::messages(&self.bus, PUBLISHER, &[(id, &progress)], trace, at).await;
        told.map_err(|error| match error {
            Unpublished::Again(error) | Unpublished::Never(error) => error,
        })
    }
}

fn kind(what: &OrderEvent) -> &'static str {
    match what {
        OrderEvent::Made { .. } => "made",
        OrderEvent::Failed { .. } => "failed",
        OrderEvent::Gone { .. } => "gone",
    }
}
