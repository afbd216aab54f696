//! Which attempt of a build is meant, and whether there is more to come.

use farm_model::id::AttemptKey;
use farm_model::record::{Attempt, AttemptState, Run};
use farm_model::view::{BuildView, Status};

/// The newest attempt of the newest run that has one.
pub fn newest(view: &BuildView) -> Option<AttemptKey> {
    view.runs.iter().rev().find_map(newest_of)
}

/// The newest attempt of the newest run, if that has begun.
pub fn current(view: &BuildView) -> Option<AttemptKey> {
    view.runs.last().and_then(newest_of)
}

fn newest_of(run: &Run) -> Option<AttemptKey> {
    let attempts = run.jobs.iter().flat_map(|job| {
        let attempts = job.attempts.iter();
        attempts.map(|attempt| (attempt.leased, run.attempt_key(&job.name, attempt.number)))
    });
    attempts
        .max_by_key(|(leased, _)| *leased)
        .map(|(_, key)| key)
}

/// Whether nothing can follow: of the attempt, or of the build if none is named.
pub fn is_over(view: &BuildView, key: Option<&AttemptKey>) -> bool {
    let over = matches!(view.status, Status::Ok | Status::Failed | Status::Lost);
    over || key
        .and_then(|key| attempt(view, key))
        .is_some_and(has_ended)
}

/// Whether the attempt itself has come to an end.
pub fn has_ended(attempt: &Attempt) -> bool {
    match attempt.state {
        AttemptState::Offered | AttemptState::Running { .. } => false,
        AttemptState::Finished { .. } | AttemptState::Gone { .. } => true,
    }
}

/// The attempt of that name.
pub fn attempt<'a>(view: &'a BuildView, key: &AttemptKey) -> Option<&'a Attempt> {
    let run = view.runs.iter().find(|run| run.number == key.run)?;
    let job = run.jobs.iter().find(|job| job.name == key.job)?;
    job.attempts
        .iter()
        .find(|attempt| attempt.number == key.attempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two runs: the first lost its attempt 1 and finished its attempt 2, the second has not begun.
    fn view() -> BuildView {
        let at = |second: u32| format!("2026-01-01T00:00:{second:02}Z");
        let attempt = |number: u32, leased: u32, state: &str| {
            format!(
                r#"{{"number":{number},"hub":"h","machine":"h/m","leased":"{}","start_by":"{}","state":{state},"last_seq":0}}"#,
                at(leased),
                at(59)
            )
        };
        let gone = format!(
            r#"{{"is":"gone","at":"{}","reason":"machine gone","how":"silent"}}"#,
            at(2)
        );
        let running = format!(r#"{{"is":"running","session":"s","since":"{}"}}"#, at(4));
        let build = "b".repeat(32);
        let json = format!(
            r#"{{"made":"{made}","build":{{"id":"{build}","key":{{"builder":"lint","repo":"r","commit":"{commit}",
            "branch":"main","kind":"post-submit"}},"wanted":"{made}","run":2}},"commit":null,"status":"queued","why":"",
            "runs":[{{"build":"{build}","number":1,"opened":"{made}","cause":"push","jobs":[{{"name":"steps",
            "state":{{"is":"leased"}},"attempts":[{first},{second}]}}]}},
            {{"build":"{build}","number":2,"opened":"{made}","cause":"clear","jobs":[]}}]}}"#,
            made = at(0),
            commit = "c".repeat(40),
            first = attempt(1, 1, &gone),
            second = attempt(2, 3, &running),
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn the_newest_attempt_is_the_last_leased_of_the_last_run_that_began() {
        let view = view();
        let key = newest(&view).unwrap();
        assert_eq!((key.run, key.attempt), (1, 2));
        assert_eq!(current(&view), None);
    }

    #[test]
    fn an_attempt_is_over_when_it_ended_or_its_build_did() {
        let mut view = view();
        let second = newest(&view).unwrap();
        let first = AttemptKey {
            attempt: 1,
            ..second.clone()
        };
        assert!(is_over(&view, Some(&first)));
        assert!(!is_over(&view, Some(&second)));
        assert!(!is_over(&view, None));
        view.status = Status::Lost;
        assert!(is_over(&view, Some(&second)) && is_over(&view, None));
    }
}
