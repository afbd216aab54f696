//! A private PostgreSQL server for tests, on a Unix socket in a folder of its own. It ends with the process that started
//! it, however that ends, and takes its folder with it.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::{Durability, StateUrl};

/// What a server may take to start: on a machine with much to do, long.
const START: Duration = Duration::from_secs(60);
/// How often a port is looked for.
const PORTS: usize = 5;
/// Who a server runs as that was started by root, which it refuses to run as.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Runs the server until nobody holds the standard input any more; then ends it and removes its folder.
const GUARD: &str = r#"folder=$1; shift
"$@" </dev/null & server=$!
cat >/dev/null
kill -QUIT $server; wait $server; rm -rf "$folder""#;

/// What a server that speaks TLS shows, in PEM.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// Itself.
    pub certificate: &'a str,
    /// Its private key.
    pub key: &'a str,
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    /// At which it listens on 127.0.0.1, if it does.
    port: Option<u16>,
    databases: AtomicU32,
    /// The guard; it ends when its standard input closes.
    guard: Child,
}

/// The server of this process, which does not wait for the disk. Where there is none to be had, says on standard error
/// that `what` is skipped, and why.
pub fn server(what: &str) -> Option<&'static Server> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(|| Server::start(Durability::Memory)) {
        Ok(server) => Some(server),
        Err(why) => {
            skipped(what, why);
            None
        }
    }
}

/// A server of the caller's own, which others reach on this computer over TLS. Where there is none to be had, as [`server`].
pub fn secure_server(what: &str, certificate: Certificate<'_>) -> Option<Server> {
    match Server::start_secure(certificate) {
        Ok(server) => Some(server),
        Err(why) => {
            skipped(what, &why);
            None
        }
    }
}

/// Libtest has no way to say that a test was skipped, and swallows what a test that passes prints; what is written to the
/// stream itself is seen.
fn skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {what} on PostgreSQL: {why}");
}

impl Server {
    /// Starts one; with [`Durability::Memory`] it does not wait for the disk, which only a power failure would show.
    ///
    /// # Errors
    /// Why there is none: no binaries, or the words of one that does not start.
    pub fn start(durability: Durability) -> Result<Self, String> {
        Self::start_with(durability, None)
    }

    /// Starts one that also listens on a port of 127.0.0.1, and speaks TLS there.
    fn start_secure(certificate: Certificate<'_>) -> Result<Self, String> {
        let mut why = String::new();
        // Between the look for a free port and its use, somebody else may take it.
        for _ in 0..PORTS {
            match Self::start_with(Durability::Memory, Some(certificate)) {
                Err(error) if error.contains("Address already in use") => why = error,
                done => return done,
            }
        }
        Err(why)
    }

    fn start_with(
        durability: Durability,
        certificate: Option<Certificate<'_>>,
    ) -> Result<Self, String> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new().prefix("farm-pg-").tempdir();
        let folder = folder.map_err(|error| error.to_string())?;
        let user = unprivileged(folder.path())?;
        initialise(&binaries, folder.path(), user)?;
        let mut settings = vec![match durability {
            Durability::Fsync => "fsync=on".to_owned(),
            Durability::Memory => "fsync=off".to_owned(),
        }];
        let port = certificate.map(|_| free_port()).transpose()?;
        if let (Some(certificate), Some(port)) = (certificate, port) {
            settings.extend(secured(folder.path(), user, certificate)?);
            settings.push("listen_addresses=127.0.0.1".to_owned());
            settings.push(format!("port={port}"));
        }
        let folder = folder.keep();
        let guard = run(&binaries, &folder, user, &settings)?;
        Ok(Self {
            folder,
            port,
            databases: AtomicU32::new(0),
            guard,
        })
    }

    /// The address of a new, empty database.
    pub fn database(&self) -> StateUrl {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("case_{number}");
        self.execute(&format!("CREATE DATABASE {name}"));
        self.url(&name).parse().unwrap()
    }

    /// Runs a statement as the server's administrator.
    pub fn execute(&self, sql: &str) {
        let url = self.url("postgres");
        let run = || {
            let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
            client.batch_execute(sql).unwrap();
        };
        // The driver waits inside, which it must not on a thread that runs async tasks.
        std::thread::scope(|scope| scope.spawn(run).join()).unwrap();
    }

    /// The address of the database `name`, as text.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        let port = self.port.map(|port| format!("&port={port}"));
        format!(
            "postgres:///{name}?host={}&user=farm{}",
            self.folder.display(),
            port.unwrap_or_default()
        )
    }

    /// The port of 127.0.0.1 on which it speaks TLS, if it does.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// The folder that `initdb` and `postgres` are in; an empty path: wherever the shell finds them.
fn binaries() -> Result<PathBuf, String> {
    let told = Command::new("pg_config").arg("--bindir").output();
    let told = told.ok().map(|output| output.stdout);
    let told = told.map(|text| PathBuf::from(String::from_utf8_lossy(&text).trim_end()));
    let mut folders: Vec<PathBuf> = told.into_iter().collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    folders.extend(versions.flatten().map(|entry| entry.path().join("bin")));
    folders.push(PathBuf::new());
    let mut looked = String::new();
    for folder in folders {
        let version = Command::new(folder.join("initdb"))
            .arg("--version")
            .output();
        if version.is_ok_and(|output| output.status.success()) {
            return Ok(folder);
        }
        let _ = write!(looked, " {};", folder.display());
    }
    Err(format!(
        "no initdb found in{looked} install PostgreSQL's server"
    ))
}

/// Makes the folder that of somebody whom the server runs as, if we are root.
fn unprivileged(folder: &Path) -> Result<Option<(u32, u32)>, String> {
    let ours = fs::metadata(folder).map_err(|error| error.to_string())?;
    if ours.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let ids = |name: &&str| {
        let line = users
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        Some((
            fields.next()?.parse::<u32>().ok()?,
            fields.next()?.parse::<u32>().ok()?,
        ))
    };
    let Some((user, group)) = USERS.iter().find_map(ids) else {
        return Err(
            "root may not run a server, and there is no user postgres or nobody".to_owned(),
        );
    };
    chown(folder, Some(user), Some(group)).map_err(|error| error.to_string())?;
    Ok(Some((user, group)))
}

fn command(program: &Path, folder: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).process_group(0);
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn initialise(binaries: &Path, folder: &Path, user: Option<(u32, u32)>) -> Result<(), String> {
    let made = command(&binaries.join("initdb"), folder, user)
        .args(["-D", "data", "-U", "farm", "-A", "trust", "--no-sync"])
        .args(["-E", "UTF8", "--no-locale"])
        .output()
        .map_err(|error| format!("initdb: {error}"))?;
    match made.status.success() {
        true => Ok(()),
        false => Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr))),
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener
        .map(|address| address.port())
        .map_err(|error| error.to_string())
}

/// Puts the certificate where the server finds it; the settings that say so.
fn secured(
    folder: &Path,
    user: Option<(u32, u32)>,
    of: Certificate<'_>,
) -> Result<Vec<String>, String> {
    let mut settings = vec!["ssl=on".to_owned()];
    for (setting, name, text) in [
        ("ssl_cert_file", "server.pem", of.certificate),
        ("ssl_key_file", "server.key", of.key),
    ] {
        let file = folder.join(name);
        let put = || {
            fs::write(&file, text)?;
            // A key that others can read is refused.
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            user.map_or(Ok(()), |(user, group)| {
                chown(&file, Some(user), Some(group))
            })
        };
        put().map_err(|error: std::io::Error| error.to_string())?;
        settings.push(format!("{setting}={}", file.display()));
    }
    Ok(settings)
}

fn run(
    binaries: &Path,
    folder: &Path,
    user: Option<(u32, u32)>,
    settings: &[String],
) -> Result<Child, String> {
    let sockets = format!("unix_socket_directories={}", folder.display());
    let mut guard = command("/bin/sh".as_ref(), folder, user)
        .args(["-c", GUARD, "guard"])
        .arg(folder)
        .arg(binaries.join("postgres"))
        .args(["-D", "data", "-c", "listen_addresses=", "-c", &sockets])
        .args(["-c", "max_connections=200"])
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("sh: {error}"))?;
    let (ready, told) = channel();
    if let Some(log) = guard.stderr.take() {
        std::thread::spawn(move || read_log(log, &ready));
    }
    match told.recv_timeout(START) {
        Ok(Ok(())) => Ok(guard),
        Ok(Err(log)) => Err(format!("the server ended: {log}")),
        Err(_) => Err(format!("the server was not ready within {START:?}")),
    }
}

/// Reads to the end, so that the server never waits for a reader.
fn read_log(log: ChildStderr, ready: &Sender<Result<(), String>>) {
    let mut text = String::new();
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        if line.contains("ready to accept connections") {
            let _ = ready.send(Ok(()));
        } else if text.len() < 4000 {
            text.push_str(&line);
            text.push('\n');
        }
    }
    let _ = ready.send(Err(text));
}
