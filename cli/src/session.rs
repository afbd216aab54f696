//! What a command is given by its process: where it reads and writes, what time it is, who asks.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use farm_runtime::{Clock, Shutdown, Vars};
use tokio_util::sync::CancellationToken;

/// How long `--follow` waits before it asks again.
const PAUSE: Duration = Duration::from_secs(1);

/// Standard output was closed by its reader: the command ends, and nobody complains.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub struct Closed;

/// The surroundings of one command.
pub struct Session {
    /// Standard output: what was asked for.
    pub out: Box<dyn Write + Send>,
    /// Standard error: what is said beside it.
    pub err: Box<dyn Write + Send>,
    /// Standard input.
    pub input: Box<dyn Read + Send>,
    /// Whether `out` shows colours.
    pub colours: bool,
    /// Whether `err` is a terminal, on which a line may be written over.
    pub live: bool,
    /// The time.
    pub clock: Clock,
    /// Who runs the command, as the system names them.
    pub user: String,
    /// The user's own folder, if there is one.
    pub home: Option<PathBuf>,
    /// Between two questions of `--follow`.
    pub pause: Duration,
    /// Listens, once it is called, to signals that ask to end: a command that has to tidy up calls it.
    pub signals: fn() -> CancellationToken,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// The process's own streams, clock and user. Colours are shown on a terminal, unless `NO_COLOR` is set.
    #[must_use]
    pub fn of_process() -> Self {
        let vars = Vars::from_environment();
        let user = vars.get("USER").or_else(|| vars.get("USERNAME"));
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::stdin()),
            colours: io::stdout().is_terminal() && vars.get("NO_COLOR").is_none(),
            live: io::stderr().is_terminal(),
            clock: Clock::system(),
            user: user.unwrap_or("user").to_owned(),
            home: vars.get("HOME").map(PathBuf::from),
            pause: PAUSE,
            signals: || Shutdown::on_signals().token(),
        }
    }

    /// Writes to standard output, at once.
    ///
    /// # Errors
    /// [`Closed`], or the system's error.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.out.write_all(bytes).and_then(|()| self.out.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Closed.into(),
            _ => anyhow::Error::new(error).context("cannot write to standard output"),
        })
    }

    /// Writes a line, or several, to standard output.
    ///
    /// # Errors
    /// As [`Session::write`].
    pub(crate) fn print(&mut self, lines: &str) -> anyhow::Result<()> {
        self.write(format!("{lines}\n").as_bytes())
    }

    /// Says something beside the result. A closed standard error is no reason to stop.
    pub(crate) fn note(&mut self, line: &str) {
        drop(writeln!(self.err, "{line}"));
    }

    /// Says on a terminal how far it is, over what was said so before; nothing takes that away.
    pub(crate) fn progress(&mut self, line: &str) {
        if self.live {
            drop(write!(self.err, "\r\u{1b}[2K{line}").and_then(|()| self.err.flush()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shut;

    impl Write for Shut {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_told_from_a_full_disk() {
        let mut session = Session::of_process();
        session.out = Box::new(Shut);
        assert!(session.print("line").unwrap_err().is::<Closed>());
        session.err = Box::new(Shut);
        session.note("nobody hears this");
    }
}
