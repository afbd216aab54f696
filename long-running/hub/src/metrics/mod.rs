//! What the hub counts, as OpenMetrics text. One registry a hub; names begin with `farm_hub_`, those of the process are
//! the ones every Prometheus client uses. Labels hold classes and host types, never names, addresses or keys.

mod dials;
mod process;
mod sight;

#[cfg(test)]
mod tests;

use std::fmt;

use farm_wire::head::Refusal;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

pub use self::dials::{Dials, Timed};
use self::process::Process;
pub use self::sight::Sight;

/// One label: its name and a class.
type Class = [(&'static str, &'static str); 1];

/// What is counted as it happens. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Connections opened to machines.
    pub dials: Dials,
    registrations: Family<Class, Counter>,
    publish_failures: Counter,
    log_bytes: Family<Class, Counter>,
    blobs: Family<Class, Counter>,
    /// Bytes of blobs sent.
    pub blob_bytes: Counter,
    /// Readers of logs that run.
    pub readers: Gauge,
    /// Readers that were cut off because they read too slowly.
    pub readers_cut: Counter,
    /// Answers to visitors who found no place.
    pub turned_away: Counter,
    /// Connections cut off before their request, the oldest of too many.
    pub crowded_out: Counter,
}

impl Counts {
    /// A machine came in.
    pub fn accepted(&self) {
        self.registration("accepted");
    }

    /// A machine did not come in.
    pub fn refused(&self, refusal: &Refusal) {
        self.registration(match refusal.status {
            409 => "name_taken",
            412 => "bad_key",
            // The only one of that status.
            500 => "not_tls",
            503 => "no_room",
            _ => "bad_request",
        });
    }

    fn registration(&self, result: &'static str) {
        self.registrations
            .get_or_create(&[("result", result)])
            .inc();
    }

    /// The queue did not take a message.
    pub fn not_published(&self) {
        self.publish_failures.inc();
    }

    /// What became of a log's bytes: stored, dropped over the limit, dropped for want of a bucket.
    pub fn log(&self, stored: u64, over: u64, lost: u64) {
        for (fate, bytes) in [("stored", stored), ("over_limit", over), ("lost", lost)] {
            self.log_bytes
                .get_or_create(&[("fate", fate)])
                .inc_by(bytes);
        }
    }

    /// A request for a blob was answered.
    pub fn blob(&self, status: u16) {
        let result = match status {
            200 => "whole",
            206 => "part",
            403 => "forbidden",
            404 => "not_found",
            416 => "bad_range",
            400..=499 => "bad_request",
            _ => "failed",
        };
        self.blobs.get_or_create(&[("result", result)]).inc();
    }

    fn register(&self, to: &mut Registry) {
        to.register_with_unit(
            "dial",
            "Time to open a connection to a machine",
            Unit::Seconds,
            self.dials.latency.clone(),
        );
        let mut counter = |name, help, counter: &Counter| to.register(name, help, counter.clone());
        counter(
            "dial_failures",
            "Connections to machines that could not be opened",
            &self.dials.failures,
        );
        counter(
            "publish_failures",
            "Messages that the queue did not take; what matters is tried again",
            &self.publish_failures,
        );
        counter(
            "log_readers_cut",
            "Readers of running logs that were cut off for being slow",
            &self.readers_cut,
        );
        counter(
            "visitors_turned_away",
            "Requests for pages that found no place",
            &self.turned_away,
        );
        counter(
            "connections_crowded_out",
            "Connections cut off before their request because too many others had come after them",
            &self.crowded_out,
        );
        to.register_with_unit(
            "blob",
            "Bytes of blobs sent to machines",
            Unit::Bytes,
            self.blob_bytes.clone(),
        );
        let mut family = |name, help, family: &Family<Class, Counter>| {
            to.register(name, help, family.clone());
        };
        family(
            "registrations",
            "Registrations of machines",
            &self.registrations,
        );
        family("blob_requests", "Requests for blobs", &self.blobs);
        family("log_bytes", "Bytes of logs of attempts", &self.log_bytes);
        to.register(
            "log_readers",
            "Readers of running logs",
            self.readers.clone(),
        );
    }
}

/// All metrics of one hub.
pub struct Exposition(Registry);

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exposition")
    }
}

impl Exposition {
    /// What `counts` counted, what `sight` sees when it is asked, and the process, which began at `started` (Unix
    /// seconds).
    pub fn new(counts: &Counts, sight: Sight, started: f64) -> Self {
        let mut registry = Registry::default();
        let own = registry.sub_registry_with_prefix("farm_hub");
        counts.register(own);
        own.register_collector(Box::new(sight));
        registry.register_collector(Box::new(Process { started }));
        Self(registry)
    }

    /// OpenMetrics 1.0 text.
    ///
    /// # Errors
    /// None in practice: text is written to memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0)?;
        Ok(text)
    }
}
