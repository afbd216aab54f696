//! Open builds, and why they wait.

use farm_model::id::RepoName;
use farm_model::view::{FarmView, OpenBuildView};
use jiff::Timestamp;

use super::tone;
use crate::text::{age, paint, plain};

/// How many are listed; the page shows more.
const LISTED: usize = 20;

/// A line for each open build of the repository, or of all; none if there is none.
pub fn render(
    farm: &FarmView,
    repo: Option<&RepoName>,
    now: Timestamp,
    colours: bool,
) -> Option<String> {
    let asked = |open: &&OpenBuildView| repo.is_none_or(|repo| open.repo == *repo);
    let open: Vec<&OpenBuildView> = farm.open.iter().filter(asked).collect();
    if open.is_empty() {
        return None;
    }
    let mut lines = vec!["open, oldest first".to_owned()];
    let listed = open.iter().take(LISTED);
    lines.extend(listed.map(|build| line(build, now, colours)));
    // The front page lists the oldest ones of all repositories: of one of them there may be more than we can see.
    let known = repo.map_or(farm.open_count, |_| open.len());
    if let more @ 1.. = known.saturating_sub(LISTED) {
        lines.push(format!("and {more} more"));
    }
    Some(lines.join("\n"))
}

fn line(open: &OpenBuildView, now: Timestamp, colours: bool) -> String {
    let state = format!("{:7}", open.status.as_str());
    format!(
        "{}  {}@{} of {} for {}: {}",
        paint(colours, tone(open.status), &state),
        open.builder,
        open.commit.short(),
        open.repo,
        age(now.duration_since(open.since).as_secs()),
        plain(&open.why),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn farm(count: usize) -> FarmView {
        let open: Vec<String> = (0..count)
            .map(|number| {
                format!(
                    r#"{{"build":"{number:032x}","run":1,"builder":"lint","repo":"sample","commit":"{}","status":"queued",
                    "why":"waits for a machine of local","since":"2026-01-01T00:00:00Z"}}"#,
                    "c".repeat(40)
                )
            })
            .collect();
        let json = format!(
            r#"{{"made":"2026-01-01T00:00:00Z","name":"f","repositories":[],"machines":[],"open":[{}],
            "open_count":{count},"troubles":[]}}"#,
            open.join(",")
        );
        serde_json::from_str(&json).unwrap()
    }

    fn now() -> Timestamp {
        "2026-01-01T00:03:00Z".parse().unwrap()
    }

    #[test]
    fn a_waiting_build_says_why() {
        let text = render(&farm(1), None, now(), false).unwrap();
        let line = "queued   lint@cccccccc of sample for 3m: waits for a machine of local";
        assert_eq!(text.lines().nth(1), Some(line));
        let other = "other".parse().unwrap();
        assert_eq!(render(&farm(1), Some(&other), now(), false), None);
        assert_eq!(render(&farm(0), None, now(), false), None);
    }

    #[test]
    fn many_are_counted_not_listed() {
        let text = render(&farm(LISTED + 2), None, now(), false).unwrap();
        assert!(text.ends_with("and 2 more"), "{text}");
    }
}
