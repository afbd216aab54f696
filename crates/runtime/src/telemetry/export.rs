//! Spans to a collector over OTLP/HTTP (<https://opentelemetry.io/docs/specs/otlp/>). A thread of the SDK gathers them in a
//! bounded queue, and what does not fit is dropped: whoever ends a span never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter as Otlp};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::{Handle, TryCurrentError};

use crate::vars::Vars;

/// Where spans go: that of traces wins (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
/// The name that a collector shows.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
/// What the last spans may take on their way.
const FLUSH: Duration = Duration::from_secs(3);

/// Why spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    #[error("a setting of the exporter is wrong: {0}")]
    Settings(#[from] ExporterBuildError),
    #[error("the exporter needs a runtime: {0}")]
    Runtime(#[from] TryCurrentError),
}

/// Sends spans until it is dropped.
#[derive(Debug)]
pub(super) struct Exporter(SdkTracerProvider);

impl Exporter {
    /// The exporter that the environment asks for, if it asks for one.
    pub(super) fn open(service: &str, vars: &Vars) -> Result<Option<Self>, ExportError> {
        if !is_wanted(vars) {
            return Ok(None);
        }
        use_some_cryptography();
        let exporter = OnRuntime {
            otlp: Arc::new(Otlp::builder().with_http().build()?),
            runtime: Handle::try_current()?,
            failing: AtomicBool::new(false),
        };
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(service, vars))
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self(provider)))
    }

    /// What spans are made with.
    pub(super) fn tracer(&self) -> SdkTracer {
        self.0.tracer("farm")
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::warn!(%error, "the last spans were not taken");
        }
    }
}

fn is_wanted(vars: &Vars) -> bool {
    let named = ENDPOINTS.iter().any(|name| vars.get(name).is_some());
    let disabled = vars
        .get("OTEL_SDK_DISABLED")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    named && !disabled && vars.get("OTEL_TRACES_EXPORTER") != Some("none")
}

/// Who exports. What the environment says of it wins.
fn resource(service: &str, vars: &Vars) -> Resource {
    let own = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("farm.part", service.to_owned()),
    ];
    let attributes = vars.get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let builder = Resource::builder().with_attributes(own);
    if vars.get(SERVICE_NAME).is_some() || attributes.contains("service.name=") {
        builder.build()
    } else {
        builder.with_service_name(format!("farm-{service}")).build()
    }
}

/// The exporter's client has TLS and brings no cryptography.
fn use_some_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster: then there is one too.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

/// The exporter's requests run on the process's runtime: the SDK's thread has none.
#[derive(Debug)]
struct OnRuntime {
    otlp: Arc<Otlp>,
    runtime: Handle,
    /// The last batch was not taken.
    failing: AtomicBool,
}

impl SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let otlp = Arc::clone(&self.otlp);
        let sent = self
            .runtime
            .spawn(async move { otlp.export(batch).await })
            .await;
        let sent =
            sent.unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())));
        let failed_before = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Err(error) if !failed_before => {
                tracing::warn!(%error, "the collector does not take spans; they are dropped");
            }
            Ok(()) if failed_before => tracing::info!("the collector takes spans again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Before the first batch nobody else holds it.
        if let Some(otlp) = Arc::get_mut(&mut self.otlp) {
            otlp.set_resource(resource);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_exported_unless_a_collector_is_named() {
        let vars = Vars::default();
        assert!(!is_wanted(&vars));
        for name in ENDPOINTS {
            let vars = vars.clone().with(name, "http://127.0.0.1:4318");
            assert!(is_wanted(&vars), "{name}");
            assert!(!is_wanted(&vars.clone().with("OTEL_SDK_DISABLED", "True")));
            assert!(!is_wanted(&vars.with("OTEL_TRACES_EXPORTER", "none")));
        }
    }

    #[test]
    fn a_process_has_a_name_unless_the_environment_gives_it_one() {
        let name = |vars: &Vars| {
            let resource = resource("hub", vars);
            let named = resource.get(&opentelemetry::Key::from_static_str("service.name"));
            named.map(|value| value.to_string())
        };
        assert_eq!(name(&Vars::default()).as_deref(), Some("farm-hub"));
        let vars = Vars::default().with(SERVICE_NAME, "mine");
        assert_ne!(name(&vars).as_deref(), Some("farm-hub"));
    }
}
