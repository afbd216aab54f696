//! A command as it is typed, and what became of it.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use farm_cli::{Command, Session, run_in};
use farm_runtime::Clock;
use parking_lot::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the clock shows.
pub const NOW: &str = "2026-01-01T12:00:00Z";

#[derive(Parser)]
#[command(name = "farm")]
struct Farm {
    #[command(subcommand)]
    command: Command,
}

/// What a command left behind.
pub struct Ran {
    pub code: anyhow::Result<ExitCode>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What was printed, by a command that did what it was asked.
    pub fn printed(self) -> String {
        assert_eq!(self.code.unwrap(), ExitCode::SUCCESS, "{}", self.err);
        self.out
    }

    /// What a command said that could not do what it was asked.
    pub fn failure(self) -> String {
        format!("{:#}", self.code.unwrap_err())
    }
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs `farm` with these words.
pub async fn farm(words: &[&str]) -> Ran {
    farm_with(words, "").await
}

/// Runs `farm` with these words and this standard input.
pub async fn farm_with(words: &[&str], input: &str) -> Ran {
    let (out, err) = (Heard::default(), Heard::default());
    let code = run(words, session(out.clone(), err.clone(), input)).await;
    Ran {
        code,
        out: out.text(),
        err: err.text(),
    }
}

/// Runs `farm` on a terminal whose user has pressed Ctrl-C already.
pub async fn farm_interrupted(words: &[&str]) -> Ran {
    let (out, err) = (Heard::default(), Heard::default());
    let session = Session {
        live: true,
        signals: || {
            let asked = CancellationToken::new();
            asked.cancel();
            asked
        },
        ..session(out.clone(), err.clone(), "")
    };
    let code = run(words, session).await;
    Ran {
        code,
        out: out.text(),
        err: err.text(),
    }
}

/// Runs `farm` with a standard output that its reader has closed.
pub async fn farm_unread(words: &[&str]) -> anyhow::Result<ExitCode> {
    struct Shut;
    impl Write for Shut {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    run(words, session(Shut, Heard::default(), "")).await
}

fn session(
    out: impl Write + Send + 'static,
    err: impl Write + Send + 'static,
    input: &str,
) -> Session {
    Session {
        out: Box::new(out),
        err: Box::new(err),
        input: Box::new(io::Cursor::new(input.to_owned())),
        colours: false,
        live: false,
        clock: Clock::manual(NOW.parse().unwrap()),
        user: "gopher".to_owned(),
        home: None,
        pause: Duration::ZERO,
        signals: CancellationToken::new,
    }
}

async fn run(words: &[&str], mut session: Session) -> anyhow::Result<ExitCode> {
    let words = std::iter::once("farm").chain(words.iter().copied());
    let command = Farm::try_parse_from(words)?.command;
    let done = run_in(command, &mut session);
    timeout(PATIENCE, done).await.unwrap()
}

#[test]
fn the_command_line_is_sound_and_each_command_has_examples() {
    use clap::CommandFactory;
    let mut command = Farm::command();
    command.clone().debug_assert();
    for sub in command.get_subcommands_mut() {
        let help = sub.render_long_help().to_string();
        assert!(help.contains("Examples:\n  farm "), "{help}");
    }
}
