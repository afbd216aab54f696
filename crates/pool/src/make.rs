//! What a machine is made of.

use std::hash::{DefaultHasher, Hash, Hasher};

use farm_core::pool::CreateError;
use farm_model::Timestamp;
use farm_model::order::{MachineOrder, MachineSpec, NotMade};

/// A machine to make.
#[derive(Debug, Clone)]
pub struct Make {
    /// What was ordered.
    pub order: MachineOrder,
    /// What it registers with.
    pub key: String,
    /// When that is.
    pub now: Timestamp,
}

impl Make {
    /// How long it lasts from now, in seconds: at least one.
    pub(crate) fn seconds(&self) -> i64 {
        let left = self.order.until.as_second() - self.now.as_second();
        left.max(1)
    }

    /// What the host type runs: `linux-amd64`.
    pub(crate) fn buildlet(&self) -> &str {
        match &self.order.spec {
            MachineSpec::Vm(vm) => &vm.buildlet,
            MachineSpec::Container(container) => &container.buildlet,
        }
    }

    /// When it goes, as marks say it.
    pub(crate) fn delete_at(&self) -> String {
        self.order.until.as_second().to_string()
    }

    /// `places`, each once, from another one on for each machine and try: many machines spread, and a place where nothing is
    /// to be had now is not always the first to be asked.
    pub(crate) fn turns<'a, T>(&self, places: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T> {
        let mut hasher = DefaultHasher::new();
        self.order.machine.hash(&mut hasher);
        let turn = hasher.finish().wrapping_add(u64::from(self.order.attempt));
        let first = turn % places.len().max(1) as u64;
        let first = usize::try_from(first).unwrap_or(0);
        places[first..].iter().chain(&places[..first])
    }
}

/// What was answered in each place: where one was made, or why none was in any. A place that has none now says more than one
/// that never will.
pub(crate) fn best(errors: Vec<CreateError>) -> CreateError {
    let rank = |error: &CreateError| match error.cause {
        NotMade::StockOut => 0,
        NotMade::Quota => 1,
        NotMade::Passing => 2,
        NotMade::Refused => 3,
    };
    let best = errors.into_iter().min_by_key(rank);
    best.unwrap_or_else(|| refused("the pool has no places"))
}

/// Whether another place may do where one said this.
pub(crate) fn is_of_the_place(cause: NotMade) -> bool {
    match cause {
        // A zone may lack a type of machine.
        NotMade::StockOut | NotMade::Refused => true,
        // Quotas are a region's; and after a time-out there may be a machine.
        NotMade::Quota | NotMade::Passing => false,
    }
}

/// It can never be made so.
pub(crate) fn refused(reason: impl Into<String>) -> CreateError {
    CreateError {
        cause: NotMade::Refused,
        reason: reason.into(),
    }
}

/// The pool did not answer, or not so that one knows.
pub(crate) fn passing(reason: impl Into<String>) -> CreateError {
    CreateError {
        cause: NotMade::Passing,
        reason: reason.into(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use farm_model::config::{Container, Vm};

    use super::*;

    pub(crate) fn vm(name: &str) -> Make {
        let at = Timestamp::from_second(1_000).unwrap();
        Make {
            order: MachineOrder {
                machine: name.parse().unwrap(),
                host_type: "host-linux".parse().unwrap(),
                pool: "vms".parse().unwrap(),
                spec: MachineSpec::Vm(Vm {
                    image: "debian".to_owned(),
                    machine: "n1-standard-4".to_owned(),
                    buildlet: "linux-amd64".to_owned(),
                    min_cpu: None,
                }),
                spot: false,
                labels: [].into(),
                at,
                until: Timestamp::from_second(4_600).unwrap(),
                attempt: 1,
            },
            key: "fm1.k".to_owned(),
            now: at,
        }
    }

    pub(crate) fn container(name: &str) -> Make {
        let mut make = vm(name);
        make.order.spec = MachineSpec::Container(Container {
            image: "example.org/buildlet:1".to_owned(),
            machine: "e2-standard-8".to_owned(),
            buildlet: "linux-amd64".to_owned(),
            nested: false,
            vm_image: None,
        });
        make
    }

    #[test]
    fn every_place_gets_its_turn_and_the_next_try_begins_elsewhere() {
        let places = ["a", "b", "c"];
        let mut make = vm("m1");
        let first: Vec<_> = make.turns(&places).copied().collect();
        make.order.attempt = 2;
        let second: Vec<_> = make.turns(&places).copied().collect();
        assert_ne!(first[0], second[0]);
        for turns in [first, second] {
            let mut sorted = turns.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, places, "{turns:?}");
        }
        assert_eq!(make.turns::<&str>(&[]).count(), 0);
    }

    #[test]
    fn a_stock_out_anywhere_says_more_than_a_refusal_elsewhere() {
        let stock_out = CreateError {
            cause: NotMade::StockOut,
            reason: "none".to_owned(),
        };
        let all = vec![refused("no such type here"), stock_out.clone()];
        assert_eq!(best(all), stock_out);
        assert_eq!(best(Vec::new()).cause, NotMade::Refused);
    }
}
