//! How long does a decision take? `cargo run --release -p farm-core --example decide [open builds] [machines]`.
//!
//! A decision is what one finished attempt sets off: its record, what it teaches, and the next lease. Prints its median,
//! 99th percentile and maximum, and what explaining and rendering a queue cost.

#![expect(clippy::print_stdout, reason = "what it measures is its output")]

use std::time::{Duration, Instant};

use farm_core::{Effects, Fact, Farm, Observation, Policy, Saved, ViewKey, page};
use farm_model::Timestamp;
use farm_model::config::FarmConfig;
use farm_model::event::Message;
use farm_model::id::{HubId, MachineId};
use farm_model::message::progress::{
    AttemptEvent, AttemptProgress, AttemptReport, HubHeartbeat, MachineReport, Outcome,
};
use farm_model::message::work::RunJob;
use farm_model::record::{Branch, CommitInfo};

const HOSTS: usize = 40;
const BUILDERS: usize = 95;
const HUBS: usize = 10;
const DECISIONS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let (builds, machines) = (number(140_000)?, number(10_000)?);
    let now = Timestamp::from_second(1_000_000)?;
    let repositories = builds.div_ceil(BUILDERS * Branch::KEPT);
    let config = FarmConfig::parse("farm.toml", &config(repositories)?)?;
    let mut farm = Farm::restore(Policy::default(), Saved::default(), now);
    let mut effects = Effects::default();
    let fact = Fact::Configured {
        digest: "d".to_owned(),
        config: Box::new(config),
    };
    farm.apply(fact, now, &mut effects);
    let began = Instant::now();
    for repository in 0..repositories {
        farm.apply(Fact::Observed(push(repository, now)?), now, &mut effects);
    }
    println!(
        "{} open builds planned in {:?}",
        farm.open().len(),
        began.elapsed()
    );
    for hub in 0..HUBS {
        farm.apply(
            Fact::Heartbeat(beat(hub, machines, now)?),
            now,
            &mut effects,
        );
    }
    let began = Instant::now();
    let leased = farm.choose(now, &mut effects);
    println!("{leased} leases in one decision: {:?}", began.elapsed());
    let mut work: std::collections::VecDeque<RunJob> = works(&effects).into();
    let mut took = Vec::new();
    for _ in 0..DECISIONS {
        let Some(next) = work.pop_front() else {
            break;
        };
        let mut effects = Effects::default();
        let began = Instant::now();
        farm.apply(Fact::Progress(finished(&next, now)), now, &mut effects);
        farm.choose(now, &mut effects);
        took.push(began.elapsed());
        work.extend(works(&effects));
    }
    print("decision", &mut took);
    explain(&farm, now);
    Ok(())
}

fn explain(farm: &Farm, now: Timestamp) {
    let mut took = Vec::new();
    for id in farm.open().take(200) {
        let began = Instant::now();
        let _ = farm_core::explain::explain(farm, id, now);
        took.push(began.elapsed());
    }
    print("explaining one build", &mut took);
    for (what, key) in [
        ("front page", ViewKey::Farm),
        (
            "queue of a host type",
            ViewKey::Queue {
                host: farm
                    .config()
                    .hosts
                    .keys()
                    .next()
                    .cloned()
                    .unwrap_or_else(|| unreachable!("there are hosts")),
            },
        ),
    ] {
        let mut took = Vec::new();
        for _ in 0..10 {
            let began = Instant::now();
            let _ = page::render(farm, &key, now);
            took.push(began.elapsed());
        }
        print(what, &mut took);
    }
}

fn print(what: &str, took: &mut [Duration]) {
    took.sort_unstable();
    let at = |share: usize| took.get((took.len() * share / 100).min(took.len().saturating_sub(1)));
    println!(
        "{what}: {} times, p50 {:?}, p99 {:?}, max {:?}",
        took.len(),
        at(50),
        at(99),
        took.last()
    );
}

fn works(effects: &Effects) -> Vec<RunJob> {
    let work = effects
        .outbox
        .iter()
        .filter(|(_, event)| event.kind == RunJob::TYPE);
    work.filter_map(|(_, event)| event.decode().ok()).collect()
}

fn config(repositories: usize) -> Result<String, std::fmt::Error> {
    use std::fmt::Write;
    let mut text = String::from("name = \"bench\"\n");
    for host in 0..HOSTS {
        writeln!(text, "[hosts.h{host}]\nclean = \"none\"")?;
    }
    let mut names = Vec::new();
    for builder in 0..BUILDERS {
        let host = builder % HOSTS;
        writeln!(
            text,
            "[builders.b{builder}]\nhost = \"h{host}\"\nsteps = [{{ run = \"true\" }}]"
        )?;
        names.push(format!("\"b{builder}\""));
    }
    for repository in 0..repositories {
        let builders = names.join(", ");
        writeln!(
            text,
            "[repositories.r{repository}]\nurl = \"/r{repository}\"\nbuilders = [{builders}]\nhistory = {}",
            Branch::KEPT
        )?;
    }
    Ok(text)
}

fn push(repository: usize, now: Timestamp) -> Result<Observation, Box<dyn std::error::Error>> {
    let commit = |number: usize| -> Result<CommitInfo, Box<dyn std::error::Error>> {
        Ok(CommitInfo {
            id: format!("{:040x}", repository * 1000 + number).parse()?,
            parents: Vec::new(),
            author: "a".to_owned(),
            email: "a@b".to_owned(),
            time: now,
            subject: "s".to_owned(),
        })
    };
    let branch = Branch {
        repo: format!("r{repository}").parse()?,
        name: "main".to_owned(),
        default: true,
        commits: (0..Branch::KEPT).map(commit).collect::<Result<_, _>>()?,
        total: 0,
        observed: now,
    };
    Ok(Observation {
        repo: branch.repo.clone(),
        branches: vec![branch],
        at: now,
        trace: None,
    })
}

fn beat(
    hub: usize,
    machines: usize,
    now: Timestamp,
) -> Result<HubHeartbeat, Box<dyn std::error::Error>> {
    let id: HubId = format!("hub{hub}").parse()?;
    let own = (0..machines).filter(|machine| machine % HUBS == hub);
    let report = |machine: usize| -> Result<MachineReport, Box<dyn std::error::Error>> {
        Ok(MachineReport {
            machine: MachineId::on(&id, &format!("m{machine}"))?,
            host_type: format!("h{}", machine % HOSTS).parse()?,
            version: 23,
            busy: None,
            labels: std::collections::BTreeSet::new(),
            identity: None,
            held: None,
            owner: None,
            owner_unread: false,
        })
    };
    Ok(HubHeartbeat {
        machines: own.map(report).collect::<Result<_, _>>()?,
        hub: id,
        session: "s1".parse()?,
        seq: 1,
        at: now,
        period_milliseconds: 2000,
        draining: false,
    })
}

fn finished(work: &RunJob, now: Timestamp) -> AttemptProgress {
    let failed = work.attempt.build.as_str().as_bytes()[0].is_multiple_of(16);
    let outcome = if failed { Outcome::Failed } else { Outcome::Ok };
    AttemptProgress {
        hub: work.hub.clone(),
        session: "s1"
            .parse()
            .unwrap_or_else(|_| unreachable!("it is a name")),
        machine: work.machine.clone(),
        attempt: work.attempt.clone(),
        seq: 9,
        at: now,
        what: AttemptEvent::Finished {
            report: AttemptReport::bare(outcome, String::new()),
        },
    }
}
