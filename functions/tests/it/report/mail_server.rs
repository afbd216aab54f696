//! A small mail server: as much of SMTP (RFC 5321) as a sender needs, with answers that a test can spoil.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A letter that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub from: String,
    pub to: String,
    /// Header lines, unfolded.
    pub headers: Vec<String>,
    pub body: String,
}

impl Taken {
    pub fn header(&self, name: &str) -> &str {
        let prefix = format!("{name}: ");
        let found = self
            .headers
            .iter()
            .find_map(|line| line.strip_prefix(&prefix));
        found.unwrap_or_default()
    }
}

pub struct MailServer {
    pub port: u16,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    letters: Mutex<Vec<Taken>>,
    /// Of a command that begins so, the answer.
    spoiled: Mutex<Option<(&'static str, &'static str)>>,
    /// Capabilities that are told.
    capabilities: Mutex<Vec<&'static str>>,
    /// What was said outside letters.
    said: Mutex<Vec<String>>,
}

impl MailServer {
    pub async fn start() -> Self {
        Self::start_at(0).await
    }

    pub async fn start_at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let mut serving = JoinSet::new();
        let own = Arc::clone(&shared);
        serving.spawn(async move {
            let mut talks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                talks.spawn(Talk::new(stream, Arc::clone(&own)).run());
            }
        });
        Self {
            port,
            shared,
            _serving: serving,
        }
    }

    /// A port on which nobody listens.
    pub async fn nobody() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    }

    pub fn spoil(&self, command: &'static str, answer: &'static str) {
        *self.shared.spoiled.lock() = Some((command, answer));
    }

    pub fn mend(&self) {
        *self.shared.spoiled.lock() = None;
    }

    pub fn can(&self, capability: &'static str) {
        self.shared.capabilities.lock().push(capability);
    }

    pub fn letters(&self) -> Vec<Taken> {
        std::mem::take(&mut *self.shared.letters.lock())
    }

    pub fn said(&self) -> Vec<String> {
        self.shared.said.lock().clone()
    }
}

/// One connection.
struct Talk {
    lines: Lines<BufReader<OwnedReadHalf>>,
    out: OwnedWriteHalf,
    shared: Arc<Shared>,
}

impl Talk {
    fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        let (read, out) = stream.into_split();
        Self {
            lines: BufReader::new(read).lines(),
            out,
            shared,
        }
    }

    async fn say(&mut self, line: &str) -> Option<()> {
        self.out
            .write_all(format!("{line}\r\n").as_bytes())
            .await
            .ok()
    }

    /// Until the other side goes away.
    async fn run(mut self) {
        let _gone = self.talk().await;
    }

    async fn talk(&mut self) -> Option<()> {
        let (mut from, mut to) = (String::new(), String::new());
        self.say("220 test").await?;
        loop {
            let line = self.lines.next_line().await.ok()??;
            self.shared.said.lock().push(line.clone());
            let spoiled = *self.shared.spoiled.lock();
            if let Some((command, answer)) = spoiled
                && line.starts_with(command)
            {
                self.say(answer).await?;
                continue;
            }
            match line.split([' ', ':']).next()? {
                "EHLO" => self.hello().await?,
                "MAIL" => {
                    from = inside(&line);
                    self.say("250 ok").await?;
                }
                "RCPT" => {
                    to = inside(&line);
                    self.say("250 ok").await?;
                }
                "DATA" => {
                    self.say("354 go on").await?;
                    let letter = self.letter(&from, &to).await?;
                    self.shared.letters.lock().push(letter);
                    self.say("250 taken").await?;
                }
                "AUTH" => self.say("235 welcome").await?,
                "QUIT" => {
                    self.say("221 bye").await?;
                    return None;
                }
                _ => self.say("500 what?").await?,
            }
        }
    }

    async fn hello(&mut self) -> Option<()> {
        let capabilities = self.shared.capabilities.lock().clone();
        for capability in capabilities {
            self.say(&format!("250-{capability}")).await?;
        }
        self.say("250 8BITMIME").await
    }

    async fn letter(&mut self, from: &str, to: &str) -> Option<Taken> {
        let mut headers: Vec<String> = Vec::new();
        loop {
            let line = self.lines.next_line().await.ok()??;
            match (line.as_str(), line.strip_prefix(' ')) {
                ("", _) => break,
                (_, Some(rest)) => {
                    let last = headers.last_mut()?;
                    last.push(' ');
                    last.push_str(rest);
                }
                (_, None) => headers.push(line),
            }
        }
        let mut body = String::new();
        loop {
            let line = self.lines.next_line().await.ok()??;
            if line == "." {
                break;
            }
            body.push_str(&line);
            body.push('\n');
        }
        // Quoted-printable, as far as our letters need it (RFC 2045, 6.7).
        let body = body.replace("=\n", "").replace("=3D", "=");
        Some(Taken {
            from: from.to_owned(),
            to: to.to_owned(),
            headers,
            body,
        })
    }
}

/// What stands between `<` and `>`.
fn inside(line: &str) -> String {
    let from = line.find('<').map_or(0, |at| at + 1);
    let to = line.find('>').unwrap_or(line.len());
    line[from..to].to_owned()
}
