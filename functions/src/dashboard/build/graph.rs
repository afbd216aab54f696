//! The jobs of a run in columns, each after those that it needs; shards of one kind are one node.

use std::collections::BTreeMap;

use farm_model::id::JobName;
use farm_model::record::{Job, JobState, Part, Run};
use farm_model::view::Status;

use super::run::job_badge;
use crate::dashboard::cells::Badge;

/// One job, or shards of one kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// `make`, `tests`.
    pub(super) name: String,
    pub(super) badge: Badge,
    /// `57 of 60 are over`; empty for one job.
    pub(super) count: String,
    /// The names of what it needs, for those who do not see the columns.
    pub(super) after: String,
    /// Where on the page it is told of.
    pub(super) anchor: String,
}

/// Jobs that are one node.
pub(super) struct Group<'a> {
    pub(super) name: String,
    pub(super) jobs: Vec<&'a Job>,
    column: usize,
}

impl Group<'_> {
    /// Whether it stands for more than one job.
    pub(super) fn is_many(&self) -> bool {
        self.jobs.len() > 1
    }

    /// Where on the page it is told of: only the newest run's groups have one.
    pub(super) fn anchor(&self) -> String {
        format!("jobs-{}", self.name)
    }

    /// The state that matters most among its jobs'.
    pub(super) fn badge(&self) -> Badge {
        let badges = self.jobs.iter().map(|job| (urgency(job), job_badge(job)));
        let worst = badges.max_by_key(|(urgency, _)| *urgency);
        worst.map_or(Status::Queued.into(), |(_, badge)| badge)
    }

    /// `57 of 60 are over, 2 failed`.
    pub(super) fn count(&self) -> String {
        let over = self
            .jobs
            .iter()
            .filter(|job| matches!(job.state, JobState::Done { .. }))
            .count();
        let failed = self
            .jobs
            .iter()
            .filter(|job| job_badge(job).class == "failed")
            .count();
        let failed = match failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        format!("{over} of {} are over{failed}", self.jobs.len())
    }
}

/// What is shown of a group whose jobs differ.
fn urgency(job: &Job) -> u8 {
    match (job_badge(job).class, &job.state) {
        ("failed", _) => 5,
        ("running", _) => 4,
        ("lost", _) => 3,
        (_, JobState::Waiting { .. }) => 2,
        ("queued", _) => 1,
        _ => 0,
    }
}

/// The jobs of a run, in the order of their columns.
pub(super) fn groups(run: &Run) -> Vec<Group<'_>> {
    let columns = columns(run);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for job in &run.jobs {
        let column = columns.get(&job.name).copied().unwrap_or(0);
        let name = stem(job);
        let same = |group: &&mut Group<'_>| group.column == column && group.name == name;
        match groups.iter_mut().find(same) {
            Some(group) => group.jobs.push(job),
            None => groups.push(Group {
                name,
                jobs: vec![job],
                column,
            }),
        }
    }
    groups.sort_by_key(|group| group.column);
    for group in &mut groups {
        if let [job] = group.jobs[..] {
            group.name = job.name.to_string();
        }
    }
    groups
}

/// The nodes, column by column; none for a run of one job, of which there is nothing to draw.
pub(super) fn graph(groups: &[Group<'_>]) -> Vec<Vec<Node>> {
    if groups.len() < 2 {
        return Vec::new();
    }
    let mut graph: Vec<Vec<Node>> = Vec::new();
    for group in groups {
        graph.resize_with(graph.len().max(group.column + 1), Vec::new);
        graph[group.column].push(node(group, groups));
    }
    graph.retain(|column| !column.is_empty());
    graph
}

fn node(group: &Group<'_>, groups: &[Group<'_>]) -> Node {
    let needs = |other: &&Group<'_>| {
        let mut needs = group.jobs.iter().flat_map(|job| &job.needs);
        needs.any(|need| other.jobs.iter().any(|job| job.name == *need))
    };
    let after: Vec<&str> = groups
        .iter()
        .filter(needs)
        .map(|other| other.name.as_str())
        .collect();
    Node {
        badge: group.badge(),
        count: match group.is_many() {
            true => group.count(),
            false => String::new(),
        },
        after: after.join(", "),
        anchor: group.anchor(),
        name: group.name.clone(),
    }
}

/// The column of each job: one after the last that it needs. Needs that go round in a circle end after as many steps as
/// there are jobs.
fn columns(run: &Run) -> BTreeMap<&JobName, usize> {
    let mut columns: BTreeMap<&JobName, usize> =
        run.jobs.iter().map(|job| (&job.name, 0)).collect();
    for _ in 0..run.jobs.len() {
        let mut changed = false;
        for job in &run.jobs {
            let needs = job.needs.iter().filter_map(|need| columns.get(need));
            let column = needs.max().map_or(0, |last| last + 1).min(run.jobs.len());
            changed |= columns.insert(&job.name, column) != Some(column);
        }
        if !changed {
            break;
        }
    }
    columns
}

/// What a shard's name has in common with those of its kind: `tests` of `tests-3`.
fn stem(job: &Job) -> String {
    let name = job.name.as_str();
    match &job.part {
        Part::Whole | Part::Setup => name.to_owned(),
        Part::Tests { .. } => numberless(name).to_owned(),
        Part::Again { .. } => {
            let first = name.strip_suffix(".again").unwrap_or(name);
            format!("{}.again", numberless(first))
        }
    }
}

fn numberless(name: &str) -> &str {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = stem.trim_end_matches(['-', '.', '_']);
    if stem.is_empty() { name } else { stem }
}

#[cfg(test)]
mod tests {
    use farm_model::message::progress::Outcome;

    use super::*;

    fn job(name: &str, needs: &[&str], part: Part, state: JobState) -> Job {
        Job {
            name: name.parse().unwrap(),
            needs: needs.iter().map(|need| need.parse().unwrap()).collect(),
            part,
            state,
            attempts: Vec::new(),
        }
    }

    fn run(jobs: Vec<Job>) -> Run {
        Run {
            build: "a".repeat(32).parse().unwrap(),
            number: 1,
            opened: farm_model::Timestamp::UNIX_EPOCH,
            cause: "push".to_owned(),
            jobs,
            trace: None,
            verdict: None,
        }
    }

    fn tests() -> Part {
        Part::Tests { units: Vec::new() }
    }

    const OK: JobState = JobState::Done {
        outcome: Outcome::Ok,
    };
    const FAILED: JobState = JobState::Done {
        outcome: Outcome::Failed,
    };

    #[test]
    fn sixty_shards_are_one_node_after_make() {
        let mut jobs = vec![job("make", &[], Part::Setup, OK)];
        for n in 1..=60 {
            let state = if n <= 57 { OK } else { JobState::Leased };
            jobs.push(job(&format!("tests-{n}"), &["make"], tests(), state));
        }
        let run = run(jobs);
        let graph = graph(&groups(&run));
        let names: Vec<Vec<&str>> = graph
            .iter()
            .map(|column| column.iter().map(|node| node.name.as_str()).collect())
            .collect();
        assert_eq!(names, [["make"], ["tests"]]);
        let tests = &graph[1][0];
        assert_eq!(
            (tests.count.as_str(), tests.badge.word),
            ("57 of 60 are over", "running")
        );
        assert_eq!(
            (tests.after.as_str(), tests.anchor.as_str()),
            ("make", "jobs-tests")
        );
    }

    #[test]
    fn what_matters_most_is_shown_of_many() {
        let again = Part::Again { units: Vec::new() };
        let jobs = vec![
            job("make", &[], Part::Setup, OK),
            job("tests-1", &["make"], tests(), FAILED),
            job("tests-2", &["make"], tests(), JobState::Leased),
            job("tests-1.again", &["make"], again, JobState::Blocked),
        ];
        let run = run(jobs);
        let groups = groups(&run);
        let told: Vec<_> = groups
            .iter()
            .map(|group| (group.name.as_str(), group.badge().word))
            .collect();
        assert_eq!(
            told,
            [
                ("make", "ok"),
                ("tests", "failed"),
                ("tests-1.again", "blocked")
            ]
        );
        assert_eq!(groups[1].count(), "1 of 2 are over, 1 failed");
    }

    #[test]
    fn one_job_is_not_drawn_and_a_circle_ends() {
        let one = run(vec![job("steps", &[], Part::Whole, OK)]);
        assert!(graph(&groups(&one)).is_empty());
        let circle = run(vec![
            job("a", &["b"], Part::Whole, OK),
            job("b", &["a"], Part::Whole, OK),
        ]);
        assert_eq!(graph(&groups(&circle)).iter().flatten().count(), 2);
    }
}
