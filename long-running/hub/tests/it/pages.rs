//! What people, programs and Prometheus read.

use farm_wire::head::Headers;
use farm_wire::head::read_answer;
use farm_wire::stream::BoxStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Bench, PATIENCE, step};

/// An answer, all of it read.
pub struct Answer {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Asks `stream`, with header fields that each end in a line's end.
pub async fn ask(mut stream: BoxStream, method: &str, target: &str, fields: &str) -> Answer {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (head, mut stream) = read_answer(stream, PATIENCE).await.unwrap();
    let mut body = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut body))
        .await
        .unwrap()
        .unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

impl Bench {
    /// As a machine or anybody else reaches the hub.
    pub async fn public(&self, method: &str, target: &str, fields: &str) -> Answer {
        ask(self.tls().await, method, target, fields).await
    }

    /// As operators do.
    pub async fn operator(&self) -> BoxStream {
        let address = self.status.borrow().admin.unwrap();
        Box::new(TcpStream::connect(address).await.unwrap())
    }

    pub async fn admin(&self, target: &str, fields: &str) -> Answer {
        ask(self.operator().await, "GET", target, fields).await
    }

    /// The value of a series, as operators see it.
    pub async fn metric(&self, series: &str) -> String {
        let text = self.admin("/metrics", "").await.text();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value
            .unwrap_or_else(|| panic!("no {series} in {text}"))
            .to_owned()
    }

    pub async fn with_admin() -> Self {
        Self::with(|settings| settings.pages.admin = Some("127.0.0.1:0".parse().unwrap())).await
    }
}

const PAGE: &str = "Accept: text/html\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn people_get_a_page_and_programs_get_json() {
    let mut b = Bench::start().await;
    let _machine = b.machine("pi-1").await;
    let page = b.public("GET", "/status", PAGE).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'; style-src 'sha256-"),
    );
    let text = page.text();
    for shown in ["Hub h1", "pi-1", "host-test", "idle", "revdial"] {
        assert!(text.contains(shown), "no {shown} in {text}");
    }
    for (target, fields) in [
        ("/status", ""),
        ("/status", "Accept: application/json\r\n"),
        ("/status.json", PAGE),
    ] {
        let answer = b.public("GET", target, fields).await;
        assert_eq!(answer.header("content-type"), "application/json");
        let json = answer.json();
        assert_eq!(
            (&json["machines"], &json["hub"], &json["list"][0]["name"]),
            (&1.into(), &"h1".into(), &"pi-1".into())
        );
        assert_eq!(json["host_types"][0]["connected"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_machine_is_shown_with_its_attempt_and_a_gone_one_with_its_reason() {
    let mut b = Bench::with_admin().await;
    let machine = b.machine("m").await;
    let mut job = b.job(1, "m");
    step(&mut job, "wait", "echo waiting; sleep 1000");
    b.offer(&job).await;
    b.log_holds(&job, "\nwaiting\n").await;
    let json = b.public("GET", "/status.json", "").await.json();
    assert_eq!(json["list"][0]["busy"]["attempt"], 1);
    let address = format!("href=\"/attempts/{}/log\"", job.attempt);
    assert!(b.admin("/status", PAGE).await.text().contains(&address));
    assert!(
        !b.public("GET", "/status", PAGE)
            .await
            .text()
            .contains(&address)
    );
    machine.cut();
    b.report(&job).await;
    b.gone("m").await;
    let json = b.public("GET", "/status.json", "").await.json();
    assert_eq!(
        (&json["machines"], &json["gone"][0]["name"]),
        (&0.into(), &"m".into())
    );
    // It comes back, and what went wrong is not forgotten.
    let _machine = b.machine("m").await;
    let json = b.public("GET", "/status.json", "").await.json();
    let trouble = json["list"][0]["trouble"]["text"].as_str().unwrap();
    assert!(!trouble.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_do_not_fit_on_a_page_come_on_the_next() {
    let mut b = Bench::start().await;
    let mut machines = Vec::new();
    for name in ["a", "b", "c"] {
        machines.push(b.machine(name).await);
    }
    let json = b.public("GET", "/status.json?after=a", "").await.json();
    let names: Vec<_> = json["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["b", "c"]);
    let json = b
        .public("GET", "/status.json?host=host-none", "")
        .await
        .json();
    assert_eq!(json["list"].as_array().unwrap().len(), 0);
    let wrong = b.public("GET", "/status?after=%3Cscript%3E", PAGE).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reverse_pool_is_told_as_in_2019() {
    let mut b = Bench::with(|settings| {
        let expected = [("host-test", 2), ("host-mac", 1)];
        settings.pages.expect = expected
            .map(|(host, number)| (host.parse().unwrap(), number))
            .into();
    })
    .await;
    let _machine = b.machine("m").await;
    let answer = b.public("GET", "/status/reverse.json", "").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let json = answer.json();
    let host = &json["HostTypes"]["host-test"];
    assert_eq!(
        (
            &host["Connected"],
            &host["Expect"],
            &host["Idle"],
            &host["Busy"],
            &host["Waiters"]
        ),
        (&1.into(), &2.into(), &1.into(), &0.into(), &0.into())
    );
    let machine = &host["Machines"]["m"];
    assert_eq!(
        (&machine["Name"], &machine["Busy"]),
        (&"m".into(), &false.into())
    );
    assert!(machine["ConnectedSec"].is_f64() && machine["IdleSec"].is_f64());
    assert!(machine["Version"].is_string() && machine.get("BusySec").is_none());
    let absent = &json["HostTypes"]["host-mac"];
    assert_eq!(
        (&absent["Expect"], &absent["Machines"]),
        (&1.into(), &serde_json::Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_operators_and_for_whoever_has_the_token() {
    let mut b = Bench::with(|settings| {
        settings.pages.admin = Some("127.0.0.1:0".parse().unwrap());
        settings.pages.metrics_token = Some("a token for tests".to_owned());
    })
    .await;
    let _machine = b.machine("m").await;
    let open = b.admin("/metrics", "").await;
    assert_eq!(
        open.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let text = open.text();
    for line in [
        "farm_hub_machines{host_type=\"host-test\",state=\"idle\"} 1",
        "farm_hub_registrations_total{result=\"accepted\"} 1",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "no {line} in {text}");
    }
    for wrong in [
        "",
        "Authorization: Bearer another\r\n",
        "Authorization: Basic a token for tests\r\n",
    ] {
        let refused = b.public("GET", "/metrics", wrong).await;
        assert_eq!(
            (refused.status, refused.header("www-authenticate")),
            (401, "Bearer")
        );
    }
    let right = "Authorization: Bearer a token for tests\r\n";
    assert_eq!(b.public("GET", "/metrics", right).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nobody_else_reads_metrics_or_logs() {
    let b = Bench::start().await;
    assert_eq!(b.status.borrow().admin, None);
    for target in ["/metrics", "/attempts/a/1/b/1/log", "/"] {
        assert_eq!(b.public("GET", target, "").await.status, 404, "{target}");
    }
}
