//! Windows: events of the console. Without a console there are none; such a process is ended by whoever made it.

use std::io;

use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

/// Resolves when this process is told to end: Ctrl-C, Ctrl-Break, its console is closed, or the system goes down. They are
/// caught from the call on. After the last two the system waits some seconds.
///
/// # Errors
/// They cannot be caught.
pub fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    let (mut c, mut pause) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
    Ok(async move {
        tokio::select! {
            _ = c.recv() => {}
            _ = pause.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    })
}
