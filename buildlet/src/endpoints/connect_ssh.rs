//! A shell over the same connection (`buildlet.md` 4.9).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::http::{Connection, Raw, Request};
use crate::machine::Machine;
use crate::ssh::Key;

const SWITCHING: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: ssh\r\nConnection: Upgrade\r\n\r\n";
/// How long the server's greeting waits for the client's: Go's client drops what comes with the 101.
const HOLD: Duration = Duration::from_millis(100);

/// `/connect-ssh`: lets the key log in, then leads to the SSH server.
pub(super) async fn connect_ssh(
    machine: &Machine,
    request: &Request,
    connection: &mut Connection,
) -> io::Result<()> {
    if request.method != "POST" {
        return connection.error(400, "requires POST method").await;
    }
    if request.has_body() {
        return connection.error(400, "requires zero Content-Length").await;
    }
    let user = request
        .field("x-go-ssh-user")
        .filter(|user| !user.is_empty());
    let line = request
        .field("x-go-authorized-key")
        .filter(|line| !line.is_empty());
    if let (Some(user), Some(line)) = (user, line)
        && let Err(error) = authorize(machine, user, line).await?
    {
        let text = format!("adding ssh authorized key: {error}");
        return connection.error(400, &text).await;
    }
    match machine.ssh.dial().await {
        Ok(server) => splice(connection.take_over(SWITCHING).await?, server).await,
        Err(error) => connection.error(502, &error.to_string()).await,
    }
}

async fn authorize(machine: &Machine, user: &str, line: &str) -> io::Result<io::Result<()>> {
    let key = match Key::new(user, line) {
        Ok(key) => key,
        Err(error) => return Ok(Err(error)),
    };
    let ssh = machine.ssh.clone();
    let stored = spawn_blocking(move || ssh.authorize(&key));
    stored.await.map_err(io::Error::other)
}

/// Copies both ways until either side ends. An idle shell may last: what ends a dead one is TCP's keep-alive, or the end
/// of the session with the hub.
async fn splice(raw: Raw<'_>, mut server: TcpStream) -> io::Result<()> {
    server.set_nodelay(true)?;
    if raw.ahead.is_empty()
        && let Ok(read) = timeout(HOLD, raw.read.read_buf(raw.ahead)).await
        && read? == 0
    {
        return Ok(());
    }
    let (mut from_server, mut to_server) = server.split();
    let sent = async {
        to_server.write_all(raw.ahead).await?;
        copy(raw.read, &mut to_server).await
    };
    tokio::select! {
        sent = sent => sent,
        received = copy(&mut from_server, raw.write) => received,
    }
    .map(drop)
}
