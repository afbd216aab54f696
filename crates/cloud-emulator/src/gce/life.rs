//! From the order of an instance to its end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Gce;
use super::error::Failure;
use super::instance::{Key, Scheduling, Status, metadata};
use super::operation::Kind;
use crate::answer::Object;
use crate::machine::{End, Life, Program, Told};

/// The file of an instance's folder that its script's output goes to.
pub(super) fn log(folder: &Path) -> PathBuf {
    folder.join("serial.log")
}

/// What is needed to run it.
struct Plan {
    body: Object,
    life: Life,
    wait: Duration,
}

/// Makes the instance once the operation has taken its time, unless it fails, and runs it to its end.
pub(super) async fn live(
    gce: Gce,
    key: Key,
    number: u64,
    operation: u64,
    failure: Option<Failure>,
) {
    let Some(plan) = gce.plan(&key, number) else {
        return;
    };
    let _ended = plan.life.begin();
    let goes_on = plan.life.wait(plan.wait).await && failure.is_none();
    gce.made(&key, number, operation, failure, goes_on);
    if goes_on {
        run(&gce, &key, number, &plan).await;
    }
}

async fn run(gce: &Gce, key: &Key, number: u64, plan: &Plan) {
    let scheduling = Scheduling::of(&plan.body);
    let most = scheduling.most.map(Duration::from_secs);
    let end = match metadata(&plan.body, "startup-script") {
        None => plan.life.told_to_end(most).await,
        Some(script) => {
            let folder = gce.0.place.folder(&key.name, number);
            match program(&folder, script) {
                Err(error) => End::Itself(Err(error)),
                Ok(program) => {
                    let started = |group| {
                        if let Some(instance) = gce.state().same(key, number) {
                            instance.group = Some(group);
                        }
                    };
                    plan.life.run(&program, most, started).await
                }
            }
        }
    };
    ended(gce, key, number, &scheduling, &end);
}

/// A script in its folder, with another for what it wants to keep.
fn program(folder: &Path, script: &str) -> std::io::Result<Program> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("startup-script");
    std::fs::write(&path, script)?;
    let home = folder.join("home").display().to_string();
    Ok(Program {
        folder: folder.to_owned(),
        words: vec!["sh".to_owned(), path.display().to_string()],
        environment: vec![("BUILDLET_HOME".to_owned(), home)],
        log: log(folder),
    })
}

/// It is off; whoever told it to end says what else becomes of it.
fn ended(gce: &Gce, key: &Key, number: u64, scheduling: &Scheduling, end: &End) {
    let mut state = gce.state();
    let Some(instance) = state.same(key, number) else {
        return;
    };
    instance.group = None;
    match end {
        End::Itself(how) => {
            tracing::info!(instance = %key, ?how, "the machine has switched itself off");
            instance.status = Status::Terminated;
        }
        End::Deadline if scheduling.delete => state.remove(key, number),
        End::Deadline => instance.status = Status::Terminated,
        End::Told => {}
    }
}

/// Takes the instance away once the operation has taken its time and its processes are gone.
pub(super) async fn delete(gce: Gce, key: Key, number: u64, operation: u64) {
    if let Some(plan) = gce.plan(&key, number) {
        tokio::time::sleep(plan.wait).await;
        plan.life.ended().await;
    }
    let mut state = gce.state();
    state.remove(&key, number);
    state.finish(operation, None);
}

/// Takes a spot machine back: kill -9, then it is off or gone.
pub(super) async fn preempt(gce: Gce, key: Key, number: u64, operation: u64) {
    let Some(plan) = gce.plan(&key, number) else {
        return gce.state().finish(operation, None);
    };
    plan.life.tell(Told::Kill);
    plan.life.ended().await;
    let delete = Scheduling::of(&plan.body).delete;
    let mut state = gce.state();
    if delete {
        state.remove(&key, number);
    } else if let Some(instance) = state.same(&key, number) {
        instance.status = Status::Terminated;
    }
    state.finish(operation, None);
}

impl Gce {
    /// The operation is over: the instance runs, was told to end meanwhile, or never was.
    fn made(&self, key: &Key, number: u64, operation: u64, failure: Option<Failure>, runs: bool) {
        let mut state = self.state();
        if failure.is_some() {
            state.remove(key, number);
        } else if let Some(instance) = state.same(key, number).filter(|_| runs) {
            instance.status = Status::Running;
        }
        state.finish(operation, failure);
    }

    fn plan(&self, key: &Key, number: u64) -> Option<Plan> {
        let mut state = self.state();
        let milliseconds = state.zones.get(&key.zone)?.operation_ms;
        let instance = state.same(key, number)?;
        Some(Plan {
            body: instance.body.clone(),
            life: instance.life.clone(),
            wait: Duration::from_millis(milliseconds),
        })
    }

    /// Takes a spot machine back. False: there is none of this name, or it is no spot machine.
    pub fn preempt(&self, zone: &str, name: &str) -> bool {
        let mut state = self.state();
        let mut all = state.instances.iter_mut();
        let found = all.find(|(key, _)| key.zone == zone && key.name == name);
        let Some((key, instance)) = found.filter(|(_, one)| Scheduling::of(&one.body).spot) else {
            return false;
        };
        instance.status = Status::Stopping;
        let (key, number) = (key.clone(), instance.number);
        let operation = state.begin(Kind::Preempt, &key, None);
        drop(state);
        self.0
            .place
            .spawn(preempt(self.clone(), key, number, operation));
        true
    }
}
