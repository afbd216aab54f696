//! Machines that lose too much, and jobs that bring machines down.

use farm_model::kept::Aside;

use super::*;

const MINUTE: i64 = 60;

impl Dialogue {
    /// A machine's connection ends.
    pub(super) fn gone(&mut self, name: &str) -> Effects {
        self.seq += 1;
        self.tell(Fact::MachineGone(MachineGone {
            hub: hub(),
            session: self.session.clone(),
            seq: self.seq,
            machine: machine(name),
            reason: "reset".to_owned(),
            dismissed: false,
        }))
    }

    /// So many seconds in which the hub speaks of its machines; what was leased meanwhile.
    pub(super) fn listen_to(
        &mut self,
        seconds: i64,
        machines: &[(&str, Option<&AttemptKey>)],
    ) -> Vec<RunJob> {
        let mut work = Vec::new();
        for _ in 0..seconds {
            self.now += SignedDuration::from_secs(1);
            work.extend(told::<RunJob>(&self.tell(Fact::Tick)));
            work.extend(told::<RunJob>(&self.beat(machines)));
        }
        work
    }

    fn aside(&self, name: &str) -> Option<&Aside> {
        self.farm.book().aside(&name.parse().unwrap())
    }
}

fn on<'a>(work: &'a [RunJob], name: &str) -> &'a RunJob {
    let on = |work: &&RunJob| work.machine == machine(name);
    work.iter().find(on).unwrap()
}

#[test]
fn a_broken_machine_does_not_lose_what_a_busy_one_could_build() {
    let mut t = Dialogue::new(5, 2);
    t.beat(&[("m1", None), ("m2", None)]);
    let work = told::<RunJob>(&t.push(&[2, 1]));
    let (bad, good) = (on(&work, "m1").clone(), on(&work, "m2").clone());
    t.report(&good.attempt, 1, AttemptEvent::Accepted);
    t.finish(&bad.attempt, Outcome::Lost);
    let machines = [("m1", None), ("m2", Some(&good.attempt))];
    // For some seconds it waits for the other machine, then it takes what there is.
    assert_eq!(t.listen_to(4, &machines), []);
    let again = t.listen_to(2, &machines);
    assert_eq!((again.len(), &again[0].machine), (1, &machine("m1")));
    t.finish(&again[0].attempt, Outcome::Lost);
    // Twice is enough: nobody else loses anything.
    assert_eq!(t.aside("m1").unwrap().evidence.len(), 2);
    assert_eq!(t.listen_to(MINUTE, &machines), []);
    let taken = the_work(&t.finish(&good.attempt, Outcome::Ok));
    assert_eq!(taken.machine, machine("m2"));
}

#[test]
fn a_machine_that_was_set_aside_is_tried_again_and_for_longer_each_time() {
    let mut t = Dialogue::new(50, 1);
    t.beat(&[("m1", None), ("m2", None)]);
    let taken = the_work(&t.push(&[1]));
    t.finish(&taken.attempt, Outcome::Ok);
    let mut away = Vec::new();
    for round in 2..5 {
        t.beat(&[("m1", None), ("m2", None)]);
        t.tell(Fact::Command(drain("m2", round)));
        let mut work = told::<RunJob>(&t.push(&[round]));
        while t.aside("m1").is_none() {
            if work.is_empty() {
                work = t.listen_to(1, &[("m1", None), ("m2", None)]);
            } else {
                t.finish(&work.remove(0).attempt, Outcome::Lost);
            }
        }
        let since = t.now;
        t.restart();
        t.tell(Fact::Command(undrain("m2", round)));
        t.listen_to(1, &[("m1", None), ("m2", None)]);
        let left = (0..100_000).find(|_| {
            t.listen_to(1, &[("m1", None), ("m2", None)]);
            t.aside("m1").is_none()
        });
        assert!(left.is_some());
        away.push(t.now.duration_since(since).as_mins());
        for build in t.farm.open().cloned().collect::<Vec<_>>() {
            let run = t.farm.runs(&build).last().unwrap();
            let job = &run.jobs[0];
            let key = run.attempt_key(&job.name, job.attempts.last().unwrap().number);
            assert_eq!(job.attempts.last().unwrap().machine, machine("m2"));
            t.finish(&key, Outcome::Ok);
        }
    }
    assert_eq!(away, [5, 10, 20]);
}

fn drain(name: &str, round: u32) -> Command {
    Command {
        id: format!("drain-{round}").parse().unwrap(),
        actor: "user:gopher".to_owned(),
        ask: Ask::Drain {
            machine: name.parse().unwrap(),
            reason: "repair".to_owned(),
        },
    }
}

fn undrain(name: &str, round: u32) -> Command {
    Command {
        id: format!("undrain-{name}-{round}").parse().unwrap(),
        actor: "user:gopher".to_owned(),
        ask: Ask::Undrain {
            machine: name.parse().unwrap(),
        },
    }
}

#[test]
fn an_operator_takes_a_machine_back() {
    let mut t = Dialogue::new(9, 1);
    t.beat(&[("m1", None), ("m2", None)]);
    t.tell(Fact::Command(drain("m2", 1)));
    let first = the_work(&t.push(&[1]));
    assert_eq!(first.machine, machine("m1"));
    t.finish(&first.attempt, Outcome::Lost);
    let again = t.listen_to(10, &[("m1", None), ("m2", None)]);
    t.finish(&again[0].attempt, Outcome::Lost);
    assert!(t.aside("m1").is_some());
    assert_eq!(t.listen_to(MINUTE, &[("m1", None), ("m2", None)]), []);
    let taken = told::<RunJob>(&t.tell(Fact::Command(undrain("m1", 1))));
    assert_eq!((taken.len(), &taken[0].machine), (1, &machine("m1")));
}

#[test]
fn the_trouble_of_a_whole_hub_sets_nobody_aside() {
    let mut t = Dialogue::new(9, 4);
    let idle = [("m1", None), ("m2", None), ("m3", None), ("m4", None)];
    t.beat(&idle);
    let mut work = told::<RunJob>(&t.push(&[4, 3, 2, 1]));
    for _ in 0..3 {
        assert_eq!(work.len(), 4);
        for one in std::mem::take(&mut work) {
            t.finish(&one.attempt, Outcome::Lost);
        }
        for _ in 0..400 {
            work.extend(t.listen_to(1, &idle));
            if work.len() == 4 {
                break;
            }
        }
    }
    for (name, _) in idle {
        assert!(t.aside(name).is_none(), "{name}");
    }
}

#[test]
fn never_is_the_only_machine_set_aside() {
    let mut t = Dialogue::new(3, 1);
    t.beat(&[("m1", None)]);
    let mut work = vec![the_work(&t.push(&[1]))];
    for _ in 0..3 {
        t.finish(&work.remove(0).attempt, Outcome::Lost);
        work.extend(t.listen_to(60, &[("m1", None)]));
    }
    assert!(t.aside("m1").is_none());
    assert_eq!(t.status(1), Some(Status::Lost));
}

#[test]
fn a_job_that_brings_down_three_machines_is_red_and_names_them() {
    let mut t = Dialogue::new(9, 1);
    let all = [("m1", None), ("m2", None), ("m3", None), ("m4", None)];
    t.beat(&all);
    let mut work = the_work(&t.push(&[1]));
    let mut left = all.to_vec();
    for number in 0..3 {
        t.report(&work.attempt, 1, AttemptEvent::Accepted);
        let name = work.machine.name().unwrap().to_string();
        left.retain(|(machine, _)| *machine != name);
        // Either may be heard first: that the machine went, or that the attempt was lost.
        let effects = if number == 1 {
            t.finish(&work.attempt, Outcome::Lost);
            t.gone(&name)
        } else {
            t.gone(&name);
            t.finish(&work.attempt, Outcome::Lost)
        };
        if number == 2 {
            assert!(told::<RunJob>(&effects).is_empty());
            break;
        }
        work = t.listen_to(60, &left).remove(0);
    }
    assert_eq!(t.status(1), Some(Status::Failed));
    let id = t.build(1);
    let verdict = t.farm.runs(&id)[0].verdict.clone().unwrap();
    assert_eq!(verdict.reason, "steps brought down 3 machines: m1, m2, m3");
    assert_eq!(
        t.saved
            .kept
            .iter()
            .filter(|kept| kept.key().key.starts_with("killed/"))
            .count(),
        0
    );
}

#[test]
fn one_machine_that_goes_again_and_again_is_no_fault_of_the_job() {
    let mut t = Dialogue::new(5, 1);
    t.beat(&[("m1", None)]);
    let mut work = the_work(&t.push(&[1]));
    for _ in 0..5 {
        t.report(&work.attempt, 1, AttemptEvent::Accepted);
        t.gone("m1");
        t.finish(&work.attempt, Outcome::Lost);
        match t.listen_to(120, &[("m1", None)]).pop() {
            Some(next) => work = next,
            None => break,
        }
    }
    assert_eq!(t.status(1), Some(Status::Lost));
}
