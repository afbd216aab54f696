//! Time travel: whatever the farm goes through, the page of a past moment is the page that was rendered at that moment.

use farm_model::record::{AttemptState, JobState, Run, Transition};
use farm_model::view::{BuildView, FarmView, GridView};
use proptest::prelude::*;

use super::*;
use crate::farm::current_attempt;
use crate::page;
use crate::page::at::{Changes, Checkpoint, Past, build as build_at, without_failures};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Push(u32),
    Rewind(u32),
    /// What was taken off last is pushed again.
    Forward,
    Beat,
    /// The attempt that was chosen ends, is lost or is refused.
    Finish(usize, Outcome),
    Refuse(usize),
    Accept(usize),
    Clear(usize),
    Wait(i64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Ok),
        2 => Just(Outcome::Failed),
        2 => Just(Outcome::Lost)
    ];
    prop_oneof![
        3 => (1..3_u32).prop_map(Step::Push),
        1 => (1..4_u32).prop_map(Step::Rewind),
        1 => Just(Step::Forward),
        3 => Just(Step::Beat),
        6 => (any::<usize>(), outcome).prop_map(|(pick, outcome)| Step::Finish(pick, outcome)),
        1 => any::<usize>().prop_map(Step::Refuse),
        2 => any::<usize>().prop_map(Step::Accept),
        2 => any::<usize>().prop_map(Step::Clear),
        2 => (1..90_i64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// What was rendered at a moment.
struct Rendered {
    at: Timestamp,
    front: FarmView,
    grid: Option<GridView>,
    builds: Vec<BuildView>,
}

/// A dialogue of which everything is written down as a coordinator would.
struct Recorded {
    dialogue: Dialogue,
    commits: Vec<u32>,
    taken_off: Vec<u32>,
    next: u32,
    lines: Vec<Transition>,
    checkpoints: Vec<Checkpoint>,
    rendered: Vec<Rendered>,
}

impl Recorded {
    fn new() -> Self {
        let mut recorded = Self {
            dialogue: Dialogue::new(3, 3),
            commits: Vec::new(),
            taken_off: Vec::new(),
            next: 1,
            lines: Vec::new(),
            checkpoints: Vec::new(),
            rendered: Vec::new(),
        };
        recorded.keep();
        recorded.take(Step::Push(2));
        recorded
    }

    fn keep(&mut self) {
        let checkpoint = Checkpoint::of(&self.dialogue.farm, self.dialogue.now);
        // As it is read again.
        let text = serde_json::to_string(&checkpoint).unwrap();
        self.checkpoints.push(serde_json::from_str(&text).unwrap());
    }

    fn take(&mut self, step: Step) {
        if let Step::Wait(seconds) = step {
            (0..seconds).for_each(|_| self.one(|t| t.tell(Fact::Tick)));
            return;
        }
        let attempts: Vec<AttemptKey> = self.attempts();
        let chosen = |pick: usize| attempts.get(pick % attempts.len().max(1)).cloned();
        match step {
            Step::Push(count) => {
                (0..count).for_each(|_| {
                    self.commits.insert(0, self.next);
                    self.next += 1;
                });
                self.push();
            }
            Step::Rewind(count) => {
                let count = (count as usize).min(self.commits.len().saturating_sub(1));
                self.taken_off = self.commits.drain(..count).collect();
                self.push();
            }
            Step::Forward => {
                let again = std::mem::take(&mut self.taken_off);
                self.commits.splice(0..0, again);
                self.push();
            }
            Step::Beat => {
                let busy = attempts.first().cloned();
                self.one(|t| t.beat(&[("m1", busy.as_ref()), ("m2", None)]));
            }
            Step::Finish(pick, outcome) => {
                if let Some(key) = chosen(pick) {
                    self.one(|t| t.finish(&key, outcome));
                }
            }
            Step::Refuse(pick) => {
                if let Some(key) = chosen(pick) {
                    let what = AttemptEvent::Refused {
                        reason: "full".to_owned(),
                        missing: None,
                    };
                    self.one(|t| t.report(&key, 8, what));
                }
            }
            Step::Accept(pick) => {
                if let Some(key) = chosen(pick) {
                    self.one(|t| t.report(&key, 1, AttemptEvent::Accepted));
                }
            }
            Step::Clear(pick) => self.clear(pick),
            Step::Restart => self.restart(),
            Step::Wait(_) => {}
        }
    }

    fn attempts(&self) -> Vec<AttemptKey> {
        let farm = &self.dialogue.farm;
        let runs = farm.open().filter_map(|id| farm.runs(id).last());
        let leased = runs.flat_map(|run| run.jobs.iter().map(move |job| (run, job)));
        leased
            .filter(|(_, job)| job.state == JobState::Leased)
            .map(|(run, job)| run.attempt_key(&job.name, job.attempts.last().unwrap().number))
            .collect()
    }

    fn push(&mut self) {
        let commits = self.commits.clone();
        self.one(|t| t.push(&commits));
    }

    fn clear(&mut self, pick: usize) {
        let commits = self.commits.clone();
        let Some(number) = commits.get(pick % commits.len().max(1)) else {
            return;
        };
        let ask = Ask::Clear {
            builder: "test".parse().unwrap(),
            commit: commit(*number).id,
        };
        let id = format!("c{}", self.rendered.len());
        self.one(|t| {
            t.tell(Fact::Command(Command {
                id: id.parse().unwrap(),
                actor: "user:gopher".to_owned(),
                ask,
            }))
        });
    }

    /// Another leader, whose machines are heard of at once.
    fn restart(&mut self) {
        let saved = &mut self.dialogue.saved;
        let branches = self.dialogue.farm.branches().cloned().collect();
        saved.branches = branches;
        self.dialogue.restart();
        self.keep();
        self.take(Step::Beat);
    }

    /// A round, as the coordinator makes one.
    fn one(&mut self, round: impl FnOnce(&mut Dialogue) -> Effects) {
        self.dialogue.now += SignedDuration::from_secs(1);
        let effects = round(&mut self.dialogue);
        let needed = effects.history.iter().any(Checkpoint::is_needed_after);
        self.lines.extend(effects.history);
        if needed {
            self.keep();
        }
        self.render();
    }

    fn render(&mut self) {
        let (farm, now) = (&self.dialogue.farm, self.dialogue.now);
        let branch = farm.branches().next();
        let builds = self.dialogue.saved.builds.iter();
        self.rendered.push(Rendered {
            at: now,
            front: page::front(farm, now),
            grid: branch.map(|branch| without_failures(page::grid(farm, branch, now))),
            builds: builds
                .filter_map(|build| page::build(farm, &build.id, now))
                .collect(),
        });
    }

    fn past(&self, at: Timestamp) -> Past {
        let before = self.checkpoints.iter().rev();
        let newest = before
            .clone()
            .find(|checkpoint| checkpoint.at <= at)
            .unwrap();
        Past::rebuild(newest.clone(), &self.lines, at)
    }

    fn check(&self) {
        let last = self.rendered.last().unwrap();
        for then in &self.rendered {
            let past = self.past(then.at);
            assert_eq!(
                known(past.front()),
                known(then.front.clone()),
                "at {}",
                then.at
            );
            let branch = then.grid.as_ref().unwrap();
            let grid = past.grid(&branch.repo, &branch.branch);
            assert_eq!(grid, then.grid, "at {}", then.at);
            for build in &last.builds {
                let rebuilt = build_at(build, then.at);
                let shown = then
                    .builds
                    .iter()
                    .find(|shown| shown.build.id == build.build.id);
                assert_eq!(
                    rebuilt.as_ref().map(outline),
                    shown.map(outline),
                    "at {}",
                    then.at
                );
            }
        }
    }
}

/// What history holds of a front page: not why something waits, nor machines that idle.
fn known(view: FarmView) -> FarmView {
    let without_why = |mut open: farm_model::view::OpenBuildView| {
        open.why.clear();
        open
    };
    FarmView {
        open: view.open.into_iter().map(without_why).collect(),
        machines: Vec::new(),
        ..view
    }
}

/// What a record holds of a build's page: not which step it was at, nor until when a job paused.
fn outline(view: &BuildView) -> String {
    let run = |run: &Run| {
        let jobs = run.jobs.iter().map(|job| {
            let state = match &job.state {
                JobState::Waiting { .. } => "waiting".to_owned(),
                other => format!("{other:?}"),
            };
            let attempts = job.attempts.iter().map(|attempt| {
                let state = match &attempt.state {
                    AttemptState::Offered | AttemptState::Running { .. } => "current".to_owned(),
                    other => format!("{other:?}"),
                };
                format!(
                    "{} on {} {} {state}",
                    attempt.number, attempt.machine, attempt.leased
                )
            });
            format!("{} {state} {:?}", job.name, attempts.collect::<Vec<_>>())
        });
        format!(
            "{} {:?} {:?}",
            run.number,
            run.verdict,
            jobs.collect::<Vec<_>>()
        )
    };
    let runs: Vec<String> = view.runs.iter().map(run).collect();
    format!("{} {:?} {runs:#?}", view.build.run, view.status)
}

#[test]
fn a_scripted_day_is_seen_again_as_it_was() {
    let mut t = Recorded::new();
    for step in [
        Step::Beat,
        Step::Accept(0),
        Step::Finish(0, Outcome::Ok),
        Step::Push(1),
        Step::Finish(0, Outcome::Lost),
        Step::Wait(30),
        Step::Refuse(0),
        Step::Wait(60),
        Step::Finish(1, Outcome::Failed),
        Step::Clear(2),
        Step::Restart,
        Step::Rewind(1),
        Step::Forward,
        Step::Rewind(1),
        Step::Push(2),
        Step::Finish(0, Outcome::Ok),
    ] {
        t.take(step);
    }
    t.check();
    let statuses = t.rendered.iter().flat_map(|then| &then.front.open);
    let running = statuses.filter(|open| open.status == Status::Running);
    assert!(running.count() > 10);
    assert!(t.checkpoints.len() > 3, "rewound, rewritten and restarted");
}

#[test]
fn changes_between_two_moments_are_what_happened_between_them() {
    let mut t = Recorded::new();
    t.take(Step::Beat);
    let (from, before) = (t.dialogue.now, t.past(t.dialogue.now));
    t.take(Step::Finish(0, Outcome::Failed));
    t.take(Step::Push(1));
    let to = t.dialogue.now;
    t.take(Step::Finish(0, Outcome::Ok));
    let changes = Changes::between(before, &t.lines, to);
    let ended = &changes.ended.first;
    assert_eq!((ended.len(), ended[0].status), (1, Status::Failed));
    assert_eq!((ended[0].text.as_str(), ended[0].build.run), ("why", 1));
    assert!(ended[0].at > from && ended[0].build.builder.as_str() == "test");
    assert_eq!(changes.opened.first[0].build.commit, commit(3).id);
    assert_eq!(changes.opened.first[0].text, "push");
    assert_eq!(changes.started.count, 1);
    assert_eq!(changes.notes.first[0].to, "moved");
    let nothing = Changes::between(t.past(to), &t.lines, to);
    assert_eq!(nothing, Changes::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_moment_of_any_dialogue_is_seen_again(steps in proptest::collection::vec(step(), 1..40)) {
        let mut t = Recorded::new();
        steps.into_iter().for_each(|step| t.take(step));
        // There is always something to look at.
        prop_assert!(t.dialogue.farm.branches().next().is_some());
        prop_assert!(current_attempt(&t.dialogue.saved.runs[0]).is_none_or(|attempt| attempt.number > 0));
        t.check();
    }
}
