//! Running one step.

use std::time::Duration;

use farm_model::message::work::StepSpec;
use farm_wire::client::{Client, Exec, RemoteError, TransportError};
use tokio::time::Instant;

use super::course::Course;
use super::log::Log;
use super::{Attempt, Bad, End, environment, in_step, limit, timed_out};
use crate::machines::{Checks, Machine, first_status};
use crate::text::{command, one_line, words};

/// Of a step's end in the reason, in characters.
const REASON: usize = 200;

/// How a step ended.
enum Ended {
    Ok,
    /// The buildlet's words.
    Remote(RemoteError),
    TimedOut,
    Transport(TransportError),
}

impl Attempt {
    /// Runs one step to its end.
    pub(super) async fn step(
        &self,
        client: &Client,
        step: &StepSpec,
        log: &mut Log,
        course: &mut Course,
    ) -> End {
        log.line(&format!("[farm] step {}", step.name)).await;
        log.line(&format!("$ {}", command(&step.argv))).await;
        course.begin(&step.name);
        let limit = limit(step.timeout_seconds);
        let ended = match self.command(step, limit) {
            Some(exec) => run(client, &exec, log, &self.machine).await,
            None => Ended::Remote(RemoteError(
                "it must have a command, and a folder inside the source".to_owned(),
            )),
        };
        let (state, end) = self.judge(client, &step.name, limit, ended).await;
        let took = words(course.end(&state));
        log.line(&format!(
            "[farm] step {}: {} after {took}",
            step.name,
            one_line(&state, REASON)
        ))
        .await;
        end
    }

    /// The command as the buildlet takes it; `None` if it would leave the source.
    fn command(&self, step: &StepSpec, limit: Duration) -> Option<Exec> {
        let (program, args) = step.argv.split_first()?;
        let outside = |part: &str| part == "..";
        if step.dir.starts_with('/') || step.dir.contains('\\') || step.dir.split('/').any(outside)
        {
            return None;
        }
        let mut exec = Exec::new(program, limit);
        exec.args = args.to_vec();
        let folders = [step.root.as_str(), step.dir.as_str()];
        let folders = folders.into_iter().filter(|folder| !folder.is_empty());
        exec.dir = folders.collect::<Vec<_>>().join("/");
        exec.env = environment::of_step(&self.job, step);
        exec.system_level = true;
        Some(exec)
    }

    /// The step's state for the report, and what it means for the attempt.
    async fn judge(
        &self,
        client: &Client,
        name: &str,
        limit: Duration,
        ended: Ended,
    ) -> (String, End) {
        let (state, bad): (String, fn(String) -> Bad) = match ended {
            Ended::Ok => return ("ok".to_owned(), Ok(())),
            Ended::TimedOut => (timed_out(limit), Bad::Failed),
            Ended::Transport(error) => (format!("lost: {error}"), Bad::Lost),
            Ended::Remote(RemoteError(state)) if self.is_ours(client, &state).await => {
                (format!("{state}, as the machine went away"), Bad::Lost)
            }
            Ended::Remote(RemoteError(state)) => (state, Bad::Failed),
        };
        let end = Err(bad(one_line(&in_step(name, &state), REASON)));
        (state, end)
    }

    /// A buildlet that is told to end kills its commands: not the code's fault.
    async fn is_ours(&self, client: &Client, state: &str) -> bool {
        state.starts_with("signal: ") && first_status(client, &Checks::default()).await.is_err()
    }
}

/// Output to the log as it comes. What is dropped here before its end is killed by the buildlet, with its whole process
/// group: the connection closes.
async fn run(client: &Client, exec: &Exec, log: &mut Log, machine: &Machine) -> Ended {
    let mut running = match client.start(exec).await {
        Ok(running) => running,
        Err(error) => return Ended::Transport(error),
    };
    let deadline = Instant::now() + exec.timeout;
    loop {
        match running.next().await {
            Ok(Some(bytes)) => {
                machine.answered();
                log.output(&bytes).await;
            }
            Ok(None) => break,
            Err(TransportError::TimedOut) => return Ended::TimedOut,
            Err(error) => return Ended::Transport(error),
        }
        // One that prints without a pause would else never be found too late.
        if Instant::now() >= deadline {
            return Ended::TimedOut;
        }
    }
    match running.finish() {
        Ok(Ok(())) => Ended::Ok,
        Ok(Err(remote)) => Ended::Remote(remote),
        Err(error) => Ended::Transport(error),
    }
}
