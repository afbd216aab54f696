//! `/exec` (`buildlet.md` 5): 200 at once, output as it comes, the outcome in a trailer.

mod describe;
mod network;
mod resolve;
mod trailers;

use std::io;

use crate::emulator::Emulator;
use crate::http::{Connection, Form, Gone, Head, Request, Stream};
use crate::machine::Machine;
use crate::process::{NotStarted, Running, process_state};

use super::{posted, query};
use trailers::Trailers;

/// The most bytes of one chunk.
const CHUNK: usize = 32 * 1024;

pub(super) async fn exec(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "POST" {
        return connection.error(400, "requires POST method").await;
    }
    if request.old {
        return connection.error(400, "HTTP/1.1 or higher required").await;
    }
    let body = posted(request, connection).await?;
    let form = body.and(&query(request));
    if let Err(error) = machine.work_dir.ensure() {
        return refuse(connection, 500, &error.to_string()).await;
    }
    if let Some(text) = machine.emulator.as_ref().and_then(Emulator::failure) {
        return refuse(connection, 500, &text).await;
    }
    let command = match resolve::command(machine, &form) {
        Ok(command) => command,
        Err(text) => return refuse(connection, 400, text).await,
    };
    let Ok(_place) = machine.places.try_acquire() else {
        return refuse(connection, 503, "too many commands at once").await;
    };
    let trailers = Trailers::of(request);
    let debug = form.flag("debug");
    run(machine, command, &body, debug, trailers, connection).await
}

/// Errors of this endpoint are chunked and announce the trailer that they do not send, as in 2019.
async fn refuse(connection: &mut Connection, status: u16, text: &str) -> io::Result<()> {
    let mut stream = connection
        .stream(&Head::error(status).with("Trailer", trailers::PROCESS_STATE))
        .await?;
    stream.chunk(format!("{text}\n").as_bytes()).await?;
    stream.finish(&[]).await
}

async fn run(
    machine: &Machine,
    command: resolve::Command,
    body: &Form,
    debug: bool,
    trailers: Trailers,
    connection: &mut Connection,
) -> io::Result<()> {
    let head = Head::new(200).with("Trailer", trailers.announced());
    let (mut stream, mut gone) = connection.stream_watched(&head).await?;
    let args: Vec<_> = body.all("cmdArg").collect();
    let (added, _modules) = match network::prepare(machine, body).await {
        Ok(prepared) => prepared,
        // No trailer: nothing is known about the command.
        Err(error) => {
            stream
                .chunk(format!("module proxy: {error}\n").as_bytes())
                .await?;
            return stream.finish(&[]).await;
        }
    };
    let env = machine.environment.of_command(body, &added);
    if debug {
        stream.chunk(&describe::line(&command, &args, &env)).await?;
    }
    let started = match command.program(&args, env) {
        Ok(program) => machine.processes.start(program).await,
        Err(refused) => Err(refused),
    };
    match started {
        Ok(running) => {
            let state = follow(running, &mut stream, &mut gone).await?;
            stream.finish(&trailers.ended(&state)).await
        }
        Err(NotStarted::Machine(error)) => {
            tracing::error!(%error, "this machine cannot start commands");
            match trailers.not_ours() {
                Some(trailer) => stream.finish(&[trailer]).await,
                // Nothing is known about the command: the answer must not look complete.
                None => Err(error),
            }
        }
        Err(NotStarted::Command { text, cause }) => {
            stream.finish(&trailers.refused(&text, cause)).await
        }
    }
}

/// Copies output until the command has ended; kills its group as soon as the client is gone.
async fn follow(
    mut running: Running,
    stream: &mut Stream<'_>,
    gone: &mut Gone<'_>,
) -> io::Result<String> {
    let copied = tokio::select! {
        copied = copy(&mut running, stream) => copied,
        () = gone.wait() => Err(io::ErrorKind::ConnectionAborted.into()),
    };
    if let Err(error) = copied {
        running.kill();
        drop(running.wait().await);
        return Err(error);
    }
    Ok(process_state(running.wait().await?))
}

async fn copy(running: &mut Running, stream: &mut Stream<'_>) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        match running.read(&mut buffer).await? {
            // It may have closed its output and gone on.
            0 => {
                running.exited().await;
                return Ok(());
            }
            length => stream.chunk(&buffer[..length]).await?,
        }
    }
}
