//! A command on the machine.

use std::time::Duration;

use farm_model::message::work::StepSpec;
use farm_wire::client::{Client, Exec, RemoteError, TransportError};
use tokio::time::Instant;

use super::paths::{inside, joined};
use crate::attempt::desk::Desk;
use crate::attempt::log::Log;
use crate::attempt::{Attempt, Bad, End, environment, in_step, limit, timed_out};
use crate::machines::{Checks, Machine, first_status};
use crate::text::{command, one_line};

/// Of a step's end in the reason, in characters.
const REASON: usize = 200;

/// Hears a command's output as it comes, beside the log.
pub type Heard<'a> = dyn FnMut(&[u8]) + Send + 'a;

/// How a command ended.
enum Ended {
    Ok,
    /// The buildlet's words.
    Remote(RemoteError),
    TimedOut,
    Transport(TransportError),
}

impl Attempt {
    /// Runs a command to its end, as the step `name`.
    pub(super) async fn command(
        &self,
        step: &StepSpec,
        name: &str,
        desk: &mut Desk<'_>,
        hear: &mut Heard<'_>,
    ) -> End {
        let client = self.machine.client();
        desk.begin(name).await;
        desk.log.line(&format!("$ {}", command(&step.argv))).await;
        let limit = limit(step.timeout_seconds);
        let ended = match self.exec(step, limit).await {
            Ok(Some(exec)) => run(&client, &exec, desk.log, &self.machine, hear).await,
            Ok(None) => Ended::Remote(RemoteError(
                "it must have a command, and a folder inside the source".to_owned(),
            )),
            Err(error) => Ended::Transport(error),
        };
        let (state, end) = self.judge(&client, name, limit, ended).await;
        desk.end(name, &state).await;
        end
    }

    /// The command as the buildlet takes it; `None` if it would leave the work dir.
    async fn exec(&self, step: &StepSpec, limit: Duration) -> Result<Option<Exec>, TransportError> {
        let (Ok(root), Ok(dir)) = (inside(&step.root), inside(&step.dir)) else {
            return Ok(None);
        };
        let command = environment::of_step(&self.job, step);
        let command = command.on(|| self.work_dir()).await?;
        let Some((program, args)) = command.argv.split_first() else {
            return Ok(None);
        };
        let mut exec = Exec::new(program, limit);
        exec.args = args.to_vec();
        exec.dir = joined(&[root, dir]);
        exec.env = command.env;
        exec.path = command.path;
        exec.system_level = true;
        Ok(Some(exec))
    }

    /// The machine's work dir, asked for once.
    async fn work_dir(&self) -> Result<String, TransportError> {
        let asked = || async { self.machine.client().work_dir().await };
        self.work_dir.get_or_try_init(asked).await.cloned()
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
async fn run(
    client: &Client,
    exec: &Exec,
    log: &mut Log,
    machine: &Machine,
    hear: &mut Heard<'_>,
) -> Ended {
    let mut running = match client.start(exec).await {
        Ok(running) => running,
        Err(error) => return Ended::Transport(error),
    };
    let deadline = Instant::now() + exec.timeout;
    loop {
        match running.next().await {
            Ok(Some(bytes)) => {
                machine.answered();
                hear(&bytes);
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
