//! Two hubs behind one TCP address that takes turns.

use std::time::Duration;

use farm_model::id::MachineId;
use farm_model::message::progress::Outcome;
use farm_model::message::work::RunJob;
use farm_wire::stream::Connect;
use farm_wire::tls::{TlsConnect, Trust};
use hub::{PeerSettings, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::agent_2019::Agent2019;
use super::balancer::Balancer;
use crate::harness::{Bench, Hub, Said, free_port, step};
use crate::machine::Connection;
use crate::pages::ask;

/// `HTTP/1.1 101 Switching Protocols` and the empty line, as a TLS 1.3 record: its type and tag come to it.
const ANSWER_101: usize = 36 + 1 + 16;
/// The same with `X-Revdial-Version: 3`.
const ANSWER_101_V3: usize = ANSWER_101 + 22;

struct Pair {
    bench: Bench,
    second: Hub,
    balancer: Balancer,
}

impl Pair {
    async fn start() -> Self {
        let ports = [free_port(), free_port()];
        let peers: Vec<String> = ["h1", "h2"]
            .iter()
            .zip(ports)
            .map(|(hub, port)| format!("{hub}=127.0.0.1:{port}"))
            .collect();
        let side_by_side = |settings: &mut Settings, port: u16| {
            let listen = Some(format!("127.0.0.1:{port}"));
            settings.peers = PeerSettings::parse(listen, &peers).unwrap();
            settings.keys_2019 = ["host-test".to_owned()].into();
        };
        let mut bench = Bench::with(|settings| side_by_side(settings, ports[0])).await;
        let second = bench
            .another_hub("h2", |settings| side_by_side(settings, ports[1]))
            .await;
        let hubs = vec![bench.address.clone(), second.address.clone()];
        let balancer = Balancer::start(hubs).await;
        Self {
            bench,
            second,
            balancer,
        }
    }

    /// One of our own machines, dialing the shared address.
    fn machine(&self, name: &str) -> Connection {
        let work_dir = self.bench.folder.path().join(format!("work-{name}"));
        Connection::start_at(&self.balancer.address, &self.bench, name, &work_dir)
    }

    /// Waits until a hub speaks of the machine; which one.
    async fn hub_of(&mut self, name: &str) -> MachineId {
        let wanted = format!("/{name}");
        self.bench
            .next(|said| match said {
                Said::Beat(beat) => {
                    let mut machines = beat.machines.iter();
                    machines
                        .find(|report| report.machine.as_str().ends_with(&wanted))
                        .map(|report| report.machine.clone())
                }
                _ => None,
            })
            .await
    }

    /// Runs a command on the machine of whichever hub; what it wrote.
    async fn run(&mut self, number: u32, id: &MachineId) -> String {
        let (hub, name) = id.as_str().split_once('/').unwrap();
        let mut job: RunJob = self.bench.job(number, name);
        job.hub = hub.parse().unwrap();
        job.machine = id.clone();
        step(&mut job, "test", &format!("echo ran {number}"));
        let report = self.bench.run(&job).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.reason);
        self.bench.log(&job).await
    }

    fn handed_over(&self) -> u64 {
        self.bench.status.borrow().handed_over + self.second.status.borrow().handed_over
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_work_whichever_hub_their_pick_ups_reach() {
    let mut pair = Pair::start().await;
    let (mut agents, mut machines) = (Vec::new(), Vec::new());
    for (number, name) in (1..).zip(["old1", "new1", "old2", "new2"]) {
        // One after the other: the first pick-up of each comes to the hub that it has not registered with.
        if name.starts_with("old") {
            agents.push(Agent2019::start(&pair.balancer.address, &pair.bench, name));
        } else {
            machines.push(pair.machine(name));
        }
        let id = pair.hub_of(name).await;
        for number in [number, number + 10] {
            let log = pair.run(number, &id).await;
            assert!(log.contains(&format!("ran {number}\n")), "{log}");
        }
    }
    let handed_over = pair.handed_over();
    assert!(handed_over >= 2, "the balancer takes turns: {handed_over}");
    // Every connection of a machine began with a 101, alone in its record.
    let records = pair.balancer.records.lock().clone();
    for connection in &records {
        let is_101 = |record: &usize| [ANSWER_101, ANSWER_101_V3].contains(record);
        assert!(connection.iter().any(is_101), "{records:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_of_a_killed_hub_come_back_to_the_other_and_get_work() {
    let mut pair = Pair::start().await;
    let _agent = Agent2019::start(&pair.balancer.address, &pair.bench, "old");
    let _machine = pair.machine("new");
    for name in ["old", "new"] {
        let id = pair.hub_of(name).await;
        pair.run(1, &id).await;
    }
    pair.bench.kill().await;
    for (number, name) in [(2, "old"), (3, "new")] {
        let id: MachineId = format!("h2/{name}").parse().unwrap();
        pair.bench.told_of(&id, None).await;
        let log = pair.run(number, &id).await;
        assert!(log.contains(&format!("ran {number}\n")), "{log}");
    }
}

/// Asks a hub for a pick-up that nobody waits for; the whole answer. The connection stays open on this side.
async fn pick_up(connect: &dyn Connect, of_hub: &str) -> String {
    let mut stream = connect.connect().await.unwrap();
    let id = "0".repeat(32);
    let request = format!("GET /revdial?revdial.dialer={of_hub}-{id} HTTP/1.1\r\nHost: \r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(Duration::from_secs(10), read)
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pick_up_of_an_absent_or_unknown_hub_is_refused_at_once() {
    let away = free_port();
    let b = Bench::with(|settings| {
        let peers = [format!("h2=127.0.0.1:{away}")];
        settings.peers = PeerSettings::parse(None, &peers).unwrap();
        settings.pages.admin = Some("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let connect = b.way();
    let absent = pick_up(&*connect, "h2").await;
    assert!(absent.starts_with("HTTP/1.1 503 "), "{absent}");
    assert!(absent.ends_with("\r\n\r\nhub h2 cannot be reached\n"));
    for unknown in ["h3", "h1"] {
        let answer = pick_up(&*connect, unknown).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\nunknown dialer\n"), "{answer}");
    }
    for (result, number) in [
        ("unknown", "2"),
        ("not_handed_over", "1"),
        ("handed_over", "0"),
    ] {
        let counted = format!("farm_hub_pick_ups_total{{result=\"{result}\"}}");
        assert_eq!(b.metric(&counted).await, number, "{result}");
    }
    let json = b.public("GET", "/status.json", "").await.json();
    assert_eq!(json["pick_ups"]["refused"], 3);
}

/// The hub that it belongs to says no, and counts it.
#[tokio::test(flavor = "multi_thread")]
async fn a_pick_up_that_was_handed_over_and_refused_is_counted_by_its_hub() {
    let pair = Pair::start().await;
    let answer = pick_up(&*pair.bench.way(), "h2").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nunknown dialer\n"), "{answer}");
    let first = pair.bench.public("GET", "/status.json", "").await.json();
    assert_eq!(
        (&first["handed_over"], &first["pick_ups"]["refused"]),
        (&1.into(), &0.into())
    );
    let trust = Trust::Pem(pair.bench.certificate());
    let second = TlsConnect::new(&pair.second.address, Some("localhost"), &trust).unwrap();
    let second = second.connect().await.unwrap();
    let second = ask(second, "GET", "/status.json", "").await.json();
    assert_eq!(
        (
            &second["pick_ups"]["refused"],
            &second["pick_ups"]["unknown"]
        ),
        (&1.into(), &1.into())
    );
}
