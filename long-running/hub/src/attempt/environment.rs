//! What a command is given: arguments, environment, the machine's work dir in both.

use std::collections::BTreeMap;

use farm_model::message::work::{RunJob, StepSpec};

/// Stands for the machine's work dir in arguments and variables: only the machine knows it.
const WORKDIR: &str = "$WORKDIR";

/// Stands for what the machine's own `PATH` has.
const INHERITED: &str = "$PATH";

/// A command for one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// As `KEY=VALUE`.
    pub env: Vec<String>,
    /// Elements of a new `PATH`, which the machine puts together as its system wants it.
    pub path: Option<Vec<String>>,
}

/// What says where a step runs, then the builder's variables, then the step's own; the later wins. A `PATH` with
/// `$WORKDIR` or `$PATH` in it, elements separated by colons on every system, becomes the machine's search path.
pub fn of_step(job: &RunJob, step: &StepSpec) -> Given {
    let source = &job.source;
    let mut env: BTreeMap<&str, String> = BTreeMap::from([
        ("CI", "true".to_owned()),
        ("FARM_BUILDER", job.builder.to_string()),
        ("FARM_REPO", source.repo.to_string()),
        ("FARM_COMMIT", source.commit.to_string()),
        ("FARM_BRANCH", source.branch.clone()),
        ("FARM_BUILD", job.attempt.build.to_string()),
        ("FARM_RUN", job.attempt.run.to_string()),
        ("FARM_ATTEMPT", job.attempt.attempt.to_string()),
    ]);
    let own = job.env.iter().chain(&step.env);
    env.extend(own.map(|(name, value)| (name.as_str(), value.clone())));
    let open = |path: &String| path.contains(WORKDIR) || path.contains(INHERITED);
    let path = env.get("PATH").cloned().filter(open);
    if path.is_some() {
        env.remove("PATH");
    }
    Given {
        argv: step.argv.clone(),
        env: env
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        path: path.map(|path| path.split(':').map(str::to_owned).collect()),
    }
}

impl Given {
    /// On a machine whose work dir `ask` tells, which is only asked where it matters.
    pub async fn on<E, F>(mut self, ask: impl FnOnce() -> F) -> Result<Self, E>
    where
        F: Future<Output = Result<String, E>>,
    {
        let mut texts = self.argv.iter().chain(&self.env);
        if texts.any(|text| text.contains(WORKDIR)) {
            let work_dir = ask().await?;
            for text in self.argv.iter_mut().chain(&mut self.env) {
                *text = text.replace(WORKDIR, &work_dir);
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(env: serde_json::Value, argv: &[&str]) -> Given {
        let job = serde_json::from_value(serde_json::json!({
            "hub": "h1",
            "machine": "h1/m",
            "attempt": { "build": "a".repeat(32), "run": 1, "job": "steps", "attempt": 2 },
            "builder": "linux-test",
            "source": { "repo": "r", "url": "/nowhere", "commit": "0".repeat(40), "branch": "main" },
            "steps": [],
            "env": { "A": "builder", "B": "builder" },
            "start_by": farm_model::Timestamp::UNIX_EPOCH,
            "timeout_seconds": 3600,
            "log_limit_bytes": 1000,
            "clean": "wipe",
        }));
        let step = serde_json::from_value(serde_json::json!({
            "name": "test", "argv": argv, "env": env, "timeout_seconds": 600,
        }));
        of_step(&job.unwrap(), &step.unwrap())
    }

    #[tokio::test]
    async fn the_work_dir_is_put_in_where_it_is_asked_for() {
        let env = serde_json::json!({
            "B": "step", "GOROOT": "$WORKDIR/go", "PATH": "$WORKDIR/go/bin:$PATH",
        });
        let given = given(env, &["$WORKDIR/go/bin/go", "version"]);
        let given = given
            .on(|| async { Ok::<_, ()>("/w".to_owned()) })
            .await
            .unwrap();
        assert_eq!(given.argv, ["/w/go/bin/go", "version"]);
        assert_eq!(given.path.unwrap(), ["$WORKDIR/go/bin", "$PATH"]);
        let has = |text: &str| given.env.iter().any(|own| own == text);
        assert!(has("GOROOT=/w/go") && has("A=builder") && has("B=step") && has("FARM_ATTEMPT=2"));
        assert!(!given.env.iter().any(|own| own.starts_with("PATH=")));
    }

    #[tokio::test]
    async fn a_machine_is_not_asked_for_what_no_command_wants() {
        let given = given(serde_json::json!({ "PATH": "/bin" }), &["true"]);
        assert!(given.path.is_none() && given.env.contains(&"PATH=/bin".to_owned()));
        let asked = given.on(|| async { Err::<String, _>("asked") }).await;
        assert!(asked.is_ok());
    }
}
