//! What a process tells of itself: logs, as lines for people on a terminal and elsewhere as one JSON object a line; and, where
//! the environment names a collector, the spans of its traces over OTLP/HTTP.

mod export;
mod json;

use std::io::IsTerminal;

use tracing_subscriber::filter::{EnvFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use self::export::Exporter;
use self::json::Json;
use crate::clock::Clock;
use crate::trace;
use crate::vars::Vars;

/// The setting that chooses what is logged: `info`, `warn`, `hub=debug,info`.
const FILTER: &str = "FARM_LOG";

/// What is told, until this is dropped: then spans that are still here are sent, within three seconds.
#[derive(Debug)]
#[must_use = "spans are sent when it is dropped: keep it until the process ends"]
pub struct Telemetry {
    _exporter: Option<Exporter>,
}

/// Logs of `service` to standard error, from level info on unless `FARM_LOG` says otherwise. Traces go where
/// `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` says, if either is set, with the other standard
/// settings of OpenTelemetry. A second call does nothing. Must be called within a tokio runtime of several threads.
pub fn init(service: &str) -> Telemetry {
    start(
        service,
        "info,google_cloud_pubsub=warn,google_cloud_gax=warn",
    )
}

/// The same with logs of errors alone: for a command that talks to people itself.
pub fn init_quiet(service: &str) -> Telemetry {
    start(service, "error")
}

fn start(service: &str, default: &str) -> Telemetry {
    let vars = Vars::from_environment();
    let (exporter, trouble) = match Exporter::open(service, &vars) {
        Ok(exporter) => (exporter, None),
        Err(error) => (None, Some(error)),
    };
    let spans = exporter.as_ref().map(|exporter| {
        // Ours alone: those of the exporter's own requests would be sent in requests of their own.
        let ours = Targets::new().with_target(trace::TARGET, tracing::Level::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(exporter.tracer())
            .with_location(false)
            .with_threads(false)
            .with_filter(ours)
    });
    let started = Registry::default()
        .with(logs(service, default, &vars))
        .with(spans)
        .try_init();
    // Whoever started first decides.
    let first = started.is_ok();
    if let Some(error) = trouble.filter(|_| first) {
        tracing::warn!(%error, "traces are not exported");
    }
    Telemetry {
        _exporter: exporter.filter(|_| first),
    }
}

/// Lines, without the spans of traces: these are read elsewhere.
fn logs(service: &str, default: &str, vars: &Vars) -> Box<dyn Layer<Registry> + Send + Sync> {
    let filter = vars.get(FILTER).unwrap_or(default);
    let filter = EnvFilter::new(format!("{filter},{}=off", trace::TARGET));
    let lines = fmt::layer().with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        return lines.with_target(false).with_filter(filter).boxed();
    }
    let json = Json {
        service: service.to_owned(),
        clock: Clock::system(),
    };
    lines
        .with_ansi(false)
        .event_format(json)
        .with_filter(filter)
        .boxed()
}
