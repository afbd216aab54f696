//! One trace from the webhook to the result, over processes and queues.

use std::collections::BTreeSet;

use farm_harness::{Farm, SHELL, until};
use farm_model::trace::TraceParent;
use farm_model::view::Status;

use crate::binary;
use crate::collector::{Collector, Span};

/// The sender's own trace: GitHub sends none, a proxy before us may.
const SENDER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What there must be: which process, and which span.
const WANTED: [(&str, &str); 8] = [
    ("farm-functions", "webhook"),
    ("farm-functions", "publish activity"),
    ("farm-coordinator", "read source"),
    ("farm-coordinator", "decide"),
    ("farm-coordinator", "publish work"),
    ("farm-hub", "attempt"),
    ("farm-coordinator", "hear progress"),
    ("farm-coordinator", "publish results"),
];

fn names(spans: &[Span]) -> BTreeSet<(&str, &str)> {
    let pairs = spans.iter();
    pairs
        .map(|span| (span.service.as_str(), span.name.as_str()))
        .collect()
}

#[tokio::test]
async fn one_trace_leads_from_the_webhook_to_the_result() {
    let collector = Collector::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];
    let mut farm = Farm::start_in(binary(), SHELL, "echo one", &environment).await;
    farm.over(&farm.repository.head()).await;
    let sender: TraceParent = SENDER.parse().unwrap();
    let second = farm.repository.commit("second", "echo two; exit 3");
    let body = farm.push_body();
    assert_eq!(farm.deliver_in_trace(&body, &sender).await.unwrap(), 202);
    let build = farm.over(&second).await;
    assert_eq!(build.status, Status::Failed);
    let trace = build.runs[0].trace.as_ref().unwrap();
    assert_eq!(trace.trace(), sender.trace());
    farm.results(2).await;
    let spans = until("all spans of the trace", async || {
        let mut spans = collector.spans();
        spans.retain(|span| span.trace == sender.trace());
        if WANTED.iter().all(|wanted| names(&spans).contains(wanted)) {
            Ok(spans)
        } else {
            Err(spans)
        }
    })
    .await;
    // Each goes on from another of them, and the first from the sender.
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    for span in &spans {
        let known = span.parent == sender.span() || ids.contains(span.parent.as_str());
        assert!(known, "{span:?} goes on from nobody");
    }
    let attempt = spans.iter().find(|span| span.name == "attempt").unwrap();
    assert_eq!(attempt.attribute("outcome"), Some("failed"));
    farm.end().await;
}

#[tokio::test]
async fn a_collector_that_is_away_costs_nothing() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")];
    let mut farm = Farm::start_in(binary(), SHELL, "echo one", &environment).await;
    farm.over(&farm.repository.head()).await;
    farm.push().await;
    let second = farm.repository.commit("second", "echo two");
    farm.push().await;
    assert_eq!(farm.over(&second).await.status, Status::Ok);
    farm.results(2).await;
    farm.end().await;
}
