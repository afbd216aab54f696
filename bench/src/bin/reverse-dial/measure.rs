//! The measurement itself.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::figures::{Spread, percentile};
use bench::{bulk, machine};
use farm_wire::client::Client;
use farm_wire::revdial::Dialer;
use farm_wire::stream::{Connect, TcpConnect};
use farm_wire::tls::{TlsConnect, Trust};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::hub::Hub;
use super::{Args, PATIENCE, versions};

/// What was found. Memory is private dirty, in kB of each process.
#[derive(Serialize)]
struct Report {
    mode: String,
    machine: (String, String),
    machines: u32,
    registrations_s: f64,
    hub_kb_per_machine: f64,
    machine_kb_per_machine: f64,
    open_ms_p50: f64,
    open_ms_p99: f64,
    answer_ms_p50: f64,
    answer_ms_p99: f64,
    calls: u32,
    calls_s: Spread,
    bulk_mb_s: Spread,
    direct_tls_mb_s: Spread,
    plain_tcp_mb_s: Spread,
    idle: Option<Idle>,
}

/// While nothing happened.
#[derive(Serialize)]
struct Idle {
    seconds: u64,
    hub_cpu_seconds: f64,
    machines_cpu_seconds: f64,
    hub_kb: u64,
    machines_kb: u64,
    alive: u32,
}

/// The machines' process.
struct Machines {
    child: Child,
    plain: String,
    tls: String,
}

/// Measures everything and prints it.
pub async fn all(args: &Args) {
    let before = machine::load();
    // Each end has one connection a machine, and in version 2 one more for each call under way.
    let wanted = u64::from(args.machines) + 4 * u64::from(args.at_once) + 500;
    if let Err(why) = machine::allow_files(wanted) {
        println!("{why}");
        std::process::exit(1);
    }
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut hub = Hub::start(&certificate, &key).await;
    let (certificate_file, key_file) = (file("certificate", &certificate), file("key", &key));
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "machines",
            "--hub",
            &hub.address,
            "--count",
            &args.machines.to_string(),
        ])
        .args([
            "--version",
            &versions::number(args.revdial).to_string(),
            "--certificate",
        ])
        .arg(certificate_file)
        .arg("--key")
        .arg(key_file);
    let mut machines = Machines::start(command).await;
    let (own, other) = (std::process::id(), machines.child.id().unwrap());
    let memory = || {
        (
            machine::memory(own, "Private_Dirty"),
            machine::memory(other, "Private_Dirty"),
        )
    };
    let (hub_before, machines_before) = memory();

    let began = Instant::now();
    machines.go().await;
    let mut dialers = Vec::new();
    while dialers.len() < args.machines as usize {
        let dialer = tokio::time::timeout(PATIENCE, hub.registered.recv()).await;
        let dialer =
            dialer.unwrap_or_else(|_| panic!("only {} machines registered", dialers.len()));
        dialers.push(dialer.unwrap());
    }
    let registrations_s = f64::from(args.machines) / began.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (hub_after, machines_after) = memory();
    let per_machine =
        |after: u64, before: u64| after.saturating_sub(before) as f64 / f64::from(args.machines);

    let (opens, answers) = opens(&dialers, args.opens).await;
    let calls = args.calls.min(args.machines);
    let mut calls_s = Vec::new();
    for _ in 0..args.rounds {
        let began = Instant::now();
        assert_eq!(
            call_each(&dialers[..calls as usize], args.at_once).await,
            calls
        );
        calls_s.push(began.elapsed().as_secs_f64());
    }
    let plain = TcpConnect::new(&machines.plain);
    let trust = Trust::Pem(certificate.into_bytes());
    let tls = TlsConnect::new(&machines.tls, Some("localhost"), &trust).unwrap();
    let ways: [&dyn Connect; 3] = [&dialers[0], &tls, &plain];
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..args.rounds {
        for (way, rates) in ways.iter().zip(&mut rates) {
            rates.push(bulk::through(*way, args.bulk).await);
        }
    }
    let idle = match args.idle {
        0 => None,
        seconds => Some(idle(&dialers, args.at_once, seconds, (own, other)).await),
    };
    let report = Report {
        mode: format!(
            "release, TLS on loopback, two processes, revdial {}",
            versions::number(args.revdial)
        ),
        machine: (before, machine::load()),
        machines: args.machines,
        registrations_s,
        hub_kb_per_machine: per_machine(hub_after, hub_before),
        machine_kb_per_machine: per_machine(machines_after, machines_before),
        open_ms_p50: percentile(&opens, 0.5),
        open_ms_p99: percentile(&opens, 0.99),
        answer_ms_p50: percentile(&answers, 0.5),
        answer_ms_p99: percentile(&answers, 0.99),
        calls,
        calls_s: Spread::of(&calls_s),
        bulk_mb_s: Spread::of(&rates[0]),
        direct_tls_mb_s: Spread::of(&rates[1]),
        plain_tcp_mb_s: Spread::of(&rates[2]),
        idle,
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap());
    } else {
        report.print();
    }
    machines.child.kill().await.unwrap();
}

impl Machines {
    async fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next_line().await.unwrap().unwrap();
        let (plain, tls) = first.split_once(' ').unwrap();
        let (plain, tls) = (plain.to_owned(), tls.to_owned());
        // A machine that ends while it is measured is worth knowing.
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with the process it reads from"
        )]
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                println!("{line}");
            }
        });
        Self { child, plain, tls }
    }

    async fn go(&mut self) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(b"g").await.unwrap();
        input.flush().await.unwrap();
    }
}

/// Opens streams one after the other, each to another machine: ms until it is open, and until its first answer.
async fn opens(dialers: &[Dialer], count: u32) -> (Vec<f64>, Vec<f64>) {
    let (mut opens, mut answers) = (Vec::new(), Vec::new());
    for dialer in dialers.iter().cycle().take(count as usize) {
        let began = Instant::now();
        let stream = dialer.dial(PATIENCE).await.unwrap();
        opens.push(began.elapsed().as_secs_f64() * 1e3);
        let stream = parking(stream);
        Client::new(stream, "x").status().await.unwrap();
        answers.push(began.elapsed().as_secs_f64() * 1e3);
    }
    (opens, answers)
}

/// Gives out one stream, once.
fn parking(stream: farm_wire::stream::BoxStream) -> Arc<dyn Connect> {
    let parked = Arc::new(std::sync::Mutex::new(Some(stream)));
    Arc::new(farm_wire::stream::connect_fn(move || {
        let stream = parked.lock().unwrap().take();
        async move { stream.ok_or_else(|| std::io::ErrorKind::NotConnected.into()) }
    }))
}

/// Calls each machine once over a stream of its own; how many answered.
async fn call_each(dialers: &[Dialer], at_once: u32) -> u32 {
    let doors = Arc::new(Semaphore::new(at_once as usize));
    let mut calls = JoinSet::new();
    for dialer in dialers {
        let door = doors.clone().acquire_owned().await.unwrap();
        let client = Client::new(Arc::new(dialer.clone()), "x");
        calls.spawn(async move {
            let answered = client.status().await.is_ok();
            drop(door);
            answered
        });
    }
    calls.join_all().await.into_iter().map(u32::from).sum()
}

async fn idle(dialers: &[Dialer], at_once: u32, seconds: u64, (own, other): (u32, u32)) -> Idle {
    let cpu = || (machine::cpu_seconds(own), machine::cpu_seconds(other));
    let before = cpu();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = cpu();
    let (hub_kb, machines_kb) = (
        machine::memory(own, "Private_Dirty"),
        machine::memory(other, "Private_Dirty"),
    );
    Idle {
        seconds,
        hub_cpu_seconds: after.0 - before.0,
        machines_cpu_seconds: after.1 - before.1,
        hub_kb,
        machines_kb,
        alive: call_each(dialers, at_once).await,
    }
}

impl Report {
    fn print(&self) {
        println!("{}; medians (min to max)", self.mode);
        println!("before: {}; after: {}", self.machine.0, self.machine.1);
        println!(
            "{} machines: {:.0} registrations/s",
            self.machines, self.registrations_s
        );
        println!(
            "private dirty memory a machine: hub {:.1} kB, machines {:.1} kB",
            self.hub_kb_per_machine, self.machine_kb_per_machine
        );
        println!(
            "stream open: p50 {:.2} ms, p99 {:.2} ms",
            self.open_ms_p50, self.open_ms_p99
        );
        println!(
            "stream open and first answer: p50 {:.2} ms, p99 {:.2} ms",
            self.answer_ms_p50, self.answer_ms_p99
        );
        println!("one call to each of {}: {} s", self.calls, self.calls_s);
        let rate = self.bulk_mb_s.median;
        println!(
            "one stream: {} MB/s; direct TLS {} MB/s ({:.2}×); plain TCP {} MB/s ({:.2}×)",
            self.bulk_mb_s,
            self.direct_tls_mb_s,
            rate / self.direct_tls_mb_s.median,
            self.plain_tcp_mb_s,
            rate / self.plain_tcp_mb_s.median
        );
        if let Some(idle) = &self.idle {
            println!(
                "{} s idle: CPU hub {:.2} s, machines {:.2} s; private dirty hub {} kB, machines {} kB; {} of {} alive",
                idle.seconds,
                idle.hub_cpu_seconds,
                idle.machines_cpu_seconds,
                idle.hub_kb,
                idle.machines_kb,
                idle.alive,
                self.machines
            );
        }
    }
}
