//! Looking into this process (`buildlet.md` 4).

use std::io;
use std::num::IntErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{bridge, posted, query};
use crate::http::{Connection, Head, Request};
use crate::machine::Machine;

/// The longest dump.
const MAX_DUMP: usize = 2 << 20;
/// The most letters that `/debug/x` sends.
const MAX_LETTERS: u64 = 1 << 20;
const PIECE: usize = 2048;
/// For all of that request.
const LETTERS_LIMIT: Duration = Duration::from_secs(60);

/// `/debug/goroutines`: what there is of it in this process. Names of programs are told, their arguments are not.
pub(super) async fn dump(machine: &Machine, connection: &mut Connection) -> io::Result<()> {
    let commands = machine.processes.living();
    let tasks = tokio::runtime::Handle::current().metrics();
    let mut text = format!(
        "up: {} s\nasync: {} tasks on {} workers\ncommands: {}\n",
        machine.started.elapsed().as_secs(),
        tasks.num_alive_tasks(),
        tasks.num_workers(),
        commands.len(),
    );
    let of_system = move || {
        let of_commands = commands
            .iter()
            .map(|pid| PathBuf::from(format!("/proc/{pid}")));
        let of_commands: String = of_commands.map(|task| line(&task)).collect();
        of_commands + &memory() + &threads()
    };
    text += &tokio::task::spawn_blocking(of_system)
        .await
        .map_err(io::Error::other)?;
    text.truncate(text.floor_char_boundary(MAX_DUMP));
    connection.respond(&Head::new(200), text.as_bytes()).await
}

/// From `/proc`; where there is none, nothing.
fn threads() -> String {
    let tasks = std::fs::read_dir("/proc/self/task");
    let tasks = tasks.into_iter().flatten().flatten();
    tasks.fold("threads:\n".to_owned(), |text, task| {
        text + &line(&task.path())
    })
}

/// Number, state and name of a process or thread.
fn line(task: &Path) -> String {
    let of = |file: &str| std::fs::read_to_string(task.join(file)).unwrap_or_default();
    let (name, stat) = (of("comm"), of("stat"));
    let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let state = state.chars().next().unwrap_or('?');
    let number = task.file_name().unwrap_or_default();
    format!("  {} {state} {}\n", number.display(), name.trim_end())
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_wanted = |line: &&str| {
        let wanted = ["VmRSS", "VmHWM", "RssAnon", "VmSwap", "Threads"];
        wanted.iter().any(|name| line.starts_with(name))
    };
    let lines = status.lines().filter(is_wanted);
    lines.fold("process:\n".to_owned(), |text, line| {
        text + "  " + line + "\n"
    })
}

/// `/debug/x`: so many letters. Anybody may ask: who neither sends nor reads is cut off.
pub(super) async fn letters(request: &Request, connection: &mut Connection) -> io::Result<()> {
    within(LETTERS_LIMIT, send(request, connection)).await
}

async fn within(limit: Duration, answer: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let answered = tokio::time::timeout(limit, answer).await;
    answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn send(request: &Request, connection: &mut Connection) -> io::Result<()> {
    let form = posted(request, connection).await?.and(&query(request));
    let count = count(form.get("n"));
    let produce = move |sink: &mut bridge::Sink| {
        let failed = |error| farm_archive::Error::Local {
            what: "write answer".to_owned(),
            error,
        };
        io::copy(&mut io::Read::take(io::repeat(b'X'), count), sink).map_err(failed)?;
        Ok(())
    };
    match bridge::answer(connection, Head::new(200), PIECE, produce).await? {
        Ok(()) => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// None for what is no number or a negative one; a greater one than we send is cut.
fn count(text: &[u8]) -> u64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    match text.parse::<i64>() {
        Ok(count) => u64::try_from(count).unwrap_or(0).min(MAX_LETTERS),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => MAX_LETTERS,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use futures::future::{BoxFuture, FutureExt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::http::{Handler, serve};

    /// Allows no time at all.
    struct Impatient;

    impl Handler for Impatient {
        fn handle<'a>(
            &'a self,
            request: Request,
            connection: &'a mut Connection,
        ) -> BoxFuture<'a, io::Result<()>> {
            async move { within(Duration::from_millis(1), send(&request, connection)).await }
                .boxed()
        }
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_letters_is_cut_off() {
        let (mut near, far) = tokio::io::duplex(4096);
        let request = b"GET /debug/x?n=1048576 HTTP/1.1\r\nHost: b1\r\n\r\n";
        near.write_all(request).await.unwrap();
        serve(Box::new(far), &Impatient).await;
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.unwrap();
        assert!(answer.len() <= 4096 && !answer.ends_with(b"\r\n0\r\n\r\n"));
    }

    #[test]
    fn counts_are_capped_and_never_negative() {
        for (text, number) in [
            ("3", 3),
            ("+3", 3),
            ("0", 0),
            ("-5", 0),
            ("", 0),
            ("x", 0),
            ("1.5", 0),
            ("1048576", 1 << 20),
            ("1048577", 1 << 20),
            ("99999999999999999999", 1 << 20),
        ] {
            assert_eq!(count(text.as_bytes()), number, "{text}");
        }
    }
}
