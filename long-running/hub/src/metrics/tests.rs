use std::io;
use std::sync::Arc;

use farm_wire::head::Refusal;
use farm_wire::revdial::Dialers;
use farm_wire::stream::{BoxStream, Connect, connect_fn};
use tokio::sync::{Semaphore, watch};

use super::*;
use crate::machines::{Machine, Reach, Registry as Machines};
use crate::status::HubStatus;

struct Bench {
    counts: Counts,
    machines: Arc<Machines>,
    dialers: Dialers,
    exposition: Exposition,
    status: crate::status::StatusSender,
    places: Arc<Semaphore>,
}

fn bench() -> Bench {
    let (status, _) = watch::channel(HubStatus::default());
    let machines = Arc::new(Machines::new(status.clone()));
    let (dialers, counts) = (Dialers::new("h1").unwrap(), Counts::default());
    let places = Arc::new(Semaphore::new(10));
    let sight = Sight {
        registry: Arc::clone(&machines),
        dialers: dialers.clone(),
        status: status.clone(),
        places: Arc::clone(&places),
        all_places: 10,
    };
    Bench {
        exposition: Exposition::new(&counts, sight, 1_700_000_000.5),
        counts,
        machines,
        dialers,
        status,
        places,
    }
}

impl Bench {
    fn connect(&self, name: &str, host_type: &str) {
        let (near, _far) = tokio::io::duplex(64);
        let (dialer, _session) = self
            .dialers
            .open(farm_wire::reverse::RevdialVersion::V2, near)
            .unwrap();
        let client = Reach::from(dialer.clone()).client(name, &self.counts.dials);
        let id = format!("h1/{name}").parse().unwrap();
        let machine = Machine::new(
            id,
            host_type.parse().unwrap(),
            23,
            name.to_owned(),
            (dialer, client),
        );
        self.machines.add(Arc::new(machine));
    }

    /// The value of a series, as it is written.
    fn value(&self, series: &str) -> String {
        let text = self.exposition.text().unwrap();
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found
            .unwrap_or_else(|| panic!("no {series} in\n{text}"))
            .to_owned()
    }
}

#[tokio::test]
async fn machines_are_counted_by_host_type_and_state() {
    let b = bench();
    for name in ["a", "b", "c"] {
        b.connect(name, "host-pi");
    }
    b.connect("d", "host-mac");
    let attempt = format!("{}/1/steps/1", "a".repeat(32)).parse().unwrap();
    let _lease = b
        .machines
        .claim(&"h1/a".parse().unwrap(), &attempt, None)
        .unwrap();
    let of = |host: &str, state: &str| {
        b.value(&format!(
            "farm_hub_machines{{host_type=\"{host}\",state=\"{state}\"}}"
        ))
    };
    assert_eq!(
        [
            of("host-pi", "busy"),
            of("host-pi", "idle"),
            of("host-mac", "idle")
        ],
        ["1", "2", "1"]
    );
    assert_eq!(b.value("farm_hub_sessions{revdial=\"2\"}"), "4");
    assert_eq!(b.value("farm_hub_attempts_running"), "1");
}

#[tokio::test]
async fn host_types_beyond_the_first_hundred_are_counted_together() {
    let b = bench();
    for number in 0..130 {
        b.connect(&format!("m{number}"), &format!("host-{number:03}"));
    }
    let text = b.exposition.text().unwrap();
    let series = text
        .lines()
        .filter(|line| line.starts_with("farm_hub_machines{"));
    assert_eq!(series.count(), 2 * (100 + 1));
    let others = "farm_hub_machines{host_type=\"all others\",state=\"idle\"}";
    assert_eq!(b.value(others), "30");
}

#[tokio::test]
async fn what_happens_is_counted_by_class() {
    let b = bench();
    b.counts.accepted();
    for (status, class) in [
        (412, "bad_key"),
        (409, "name_taken"),
        (503, "no_room"),
        (400, "bad_request"),
        (Refusal::not_tls().status, "not_tls"),
    ] {
        b.counts.refused(&Refusal::new(status, "secret text"));
        let series = format!("farm_hub_registrations_total{{result=\"{class}\"}}");
        assert_eq!(b.value(&series), "1");
    }
    assert_eq!(
        b.value("farm_hub_registrations_total{result=\"accepted\"}"),
        "1"
    );
    b.counts.log(10, 3, 2);
    b.counts.log(5, 0, 0);
    let log = |fate: &str| b.value(&format!("farm_hub_log_bytes_total{{fate=\"{fate}\"}}"));
    assert_eq!(
        [log("stored"), log("over_limit"), log("lost")],
        ["15", "3", "2"]
    );
    b.counts.not_published();
    assert_eq!(b.value("farm_hub_publish_failures_total"), "1");
    b.status.send_modify(|status| {
        status.lost = 4;
        status.handed_over = 5;
        status.not_handed_over = 6;
    });
    for (result, number) in [("handed_over", "5"), ("not_handed_over", "6")] {
        let series = format!("farm_hub_pick_ups_total{{result=\"{result}\"}}");
        assert_eq!(b.value(&series), number);
    }
    b.counts.crowded_out.inc();
    assert_eq!(b.value("farm_hub_connections_crowded_out_total"), "1");
    assert_eq!(b.value("farm_hub_attempts_total{outcome=\"lost\"}"), "4");
    let _place = b.places.try_acquire().unwrap();
    assert_eq!(b.value("farm_hub_handshakes"), "1");
    assert!(!b.exposition.text().unwrap().contains("secret"));
}

#[tokio::test]
async fn dials_are_timed_and_failed_ones_counted() {
    let b = bench();
    let good = connect_fn(|| async {
        let (near, _far) = tokio::io::duplex(1);
        Ok(Box::new(near) as BoxStream)
    });
    let bad = connect_fn(|| async { Err::<BoxStream, _>(io::Error::other("away")) });
    assert!(Timed::new(good, &b.counts.dials).connect().await.is_ok());
    assert!(Timed::new(bad, &b.counts.dials).connect().await.is_err());
    assert_eq!(b.value("farm_hub_dial_seconds_count"), "1");
    assert_eq!(b.value("farm_hub_dial_seconds_bucket{le=\"+Inf\"}"), "1");
    assert_eq!(b.value("farm_hub_dial_failures_total"), "1");
}

#[tokio::test]
async fn the_text_is_complete_openmetrics_and_tells_of_the_process() {
    let b = bench();
    let text = b.exposition.text().unwrap();
    assert!(text.ends_with("\n# EOF\n"), "{text}");
    let started: f64 = b.value("process_start_time_seconds").parse().unwrap();
    assert_eq!(started, 1_700_000_000.5);
    if cfg!(target_os = "linux") {
        let memory: f64 = b.value("process_resident_memory_bytes").parse().unwrap();
        assert!(memory > 1e5, "{memory}");
        let files: f64 = b.value("process_open_fds").parse().unwrap();
        assert!(files >= 3.0, "{files}");
    }
    // Each metric is described once.
    let mut described: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("# TYPE "))
        .collect();
    let all = described.len();
    described.sort_unstable();
    described.dedup();
    assert_eq!(described.len(), all);
}
