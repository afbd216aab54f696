//! Machines that are dialed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use farm_model::config::Clean;
use farm_model::message::progress::Outcome;
use hub::{Args, Checks};

use crate::harness::{Bench, free_port, step};
use crate::machine::Connection;

/// A hub that is told of one machine in a file, with its password.
struct Dialing {
    bench: Bench,
    password: PathBuf,
    port: u16,
}

impl Dialing {
    async fn start(password: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("master", "key").unwrap();
        write("password", password).unwrap();
        let machine = format!(
            "[[machine]]\nname = 'vm'\nhost-type = 'host-test'\naddress = '127.0.0.1:{port}'\npassword-file = 'password'\n"
        );
        write("direct.toml", &machine).unwrap();
        let direct = from_command_line(folder.path());
        let bench = Bench::with(|settings| {
            settings.direct = direct;
            settings.checks = Checks {
                period: Duration::from_millis(100),
                limit: Duration::from_secs(5),
            };
        })
        .await;
        let password = bench.folder.path().join("machine-password");
        std::fs::write(&password, "the machine's password\n").unwrap();
        Self {
            bench,
            password,
            port,
        }
    }

    fn machine(&self) -> Connection {
        let work_dir = self.bench.folder.path().join("work-vm");
        Connection::direct(self.port, Some(&self.password), &work_dir)
    }
}

fn from_command_line(folder: &Path) -> Vec<hub::DirectMachine> {
    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (master, direct) = (file("master"), file("direct.toml"));
    let words = ["hub", "--bus", "pubsub://p", "--bucket", "memory:"];
    let files = ["--machine-key-file", &master, "--direct-file", &direct];
    let cli: Cli = clap::Parser::try_parse_from(words.iter().chain(&files)).unwrap();
    cli.args.settings().unwrap().direct
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_at_an_address_works_like_any_other_and_is_dialed_again() {
    let mut d = Dialing::start("the machine's password").await;
    for number in [1, 2] {
        // The second time it was away meanwhile.
        let machine = d.machine();
        d.bench.status(|status| status.machines == 1).await;
        let mut job = d.bench.job(number, "vm");
        step(&mut job, "test", &format!("echo ran {number}"));
        let report = d.bench.run(&job).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.reason);
        assert!(d.bench.log(&job).await.contains(&format!("ran {number}\n")));
        machine.cut();
        let reason = d.bench.gone("vm").await;
        assert!(reason.contains("did not pass its check"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_vanishes_in_a_command_or_is_halted_is_dialed_again() {
    let mut d = Dialing::start("the machine's password").await;
    let machine = d.machine();
    d.bench.status(|status| status.machines == 1).await;
    let mut job = d.bench.job(1, "vm");
    step(&mut job, "wait", "sleep 1000");
    d.bench.offer(&job).await;
    d.bench.step_started(&job, "wait").await;
    machine.cut();
    assert_eq!(d.bench.report(&job).await.outcome, Outcome::Lost);
    d.bench.gone("vm").await;
    let _machine = d.machine();
    d.bench.status(|status| status.machines == 1).await;
    let mut job = d.bench.job(2, "vm");
    job.clean = Clean::Halt;
    step(&mut job, "test", "true");
    assert_eq!(d.bench.run(&job).await.outcome, Outcome::Ok);
    assert!(d.bench.gone("vm").await.contains("halted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_does_not_take_the_password_gets_no_work() {
    let d = Dialing::start("another password").await;
    let _machine = d.machine();
    let mut status = d.bench.status.clone();
    let joined = status.wait_for(|status| status.machines > 0);
    let joined = tokio::time::timeout(Duration::from_secs(2), joined).await;
    assert!(joined.is_err(), "it was taken in");
}
