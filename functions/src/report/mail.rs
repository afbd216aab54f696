//! Mail: one letter to each receiver, plain text, under a `Message-ID` that follows from event and receiver.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use farm_model::Timestamp;
use farm_model::event::Event;
use farm_runtime::Vars;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::{Address, Message};
use sha2::{Digest, Sha256};

use super::news::{Concerned, News};
use super::once::Sent;
use super::smtp::Server;
use super::text::{Pages, listed};

/// Addresses of `FARM_MAIL_TO`.
const MOST: usize = 20;

/// How mail is sent, and to whom.
pub(super) struct Mail {
    server: Server,
    from: Mailbox,
    to: Vec<Address>,
    authors: bool,
}

/// A letter to somebody.
pub(super) struct Letter {
    to: Address,
    message: Result<Message, String>,
}

impl Mail {
    /// As the settings say; none where they name no server.
    pub(super) fn open(vars: &Vars) -> anyhow::Result<Option<Self>> {
        if vars.get("FARM_SMTP").is_none() {
            return Ok(None);
        }
        let from = vars.require(
            "FARM_MAIL_FROM",
            "whom mail comes from, such as farm@example.org",
        )?;
        let from: Mailbox = from.parse().context("FARM_MAIL_FROM is no address")?;
        let to = listed(vars.get("FARM_MAIL_TO").unwrap_or_default()).map(|text| {
            let address = text.parse::<Address>();
            address.with_context(|| format!("FARM_MAIL_TO: {text:?} is no address"))
        });
        let to = to.collect::<anyhow::Result<Vec<Address>>>()?;
        if to.len() > MOST {
            bail!(
                "FARM_MAIL_TO has {} addresses; at most {MOST} get mail: use a list",
                to.len()
            );
        }
        let authors = flag(vars, "FARM_MAIL_AUTHORS")?;
        let server = Server::open(vars, from.email.domain())?;
        Ok(server.map(|server| Self {
            server,
            from,
            to,
            authors,
        }))
    }

    /// A letter to each who is to hear of it.
    pub(super) fn letters(&self, event: &Event, news: &News, pages: &Pages) -> Vec<Letter> {
        let receivers = self.receivers(event, news);
        let letter = |to: Address| Letter {
            message: self.message(&to, event, news, pages),
            to,
        };
        receivers.into_iter().map(letter).collect()
    }

    /// By address, however that is written.
    fn receivers(&self, event: &Event, news: &News) -> Vec<Address> {
        let concerned = news.concerned();
        let all = match concerned {
            Some(Concerned::Owner(_)) => &[],
            _ => self.to.as_slice(),
        };
        let named = match concerned {
            Some(Concerned::Owner(owner)) => Some(owner),
            Some(Concerned::Author(author)) if self.authors => Some(author),
            _ => None,
        };
        let named = named.and_then(|text| {
            let address = address_of(text);
            if address.is_none() {
                tracing::warn!(event = event.id, "nobody can write to {text:?}");
            }
            address
        });
        let all = all.iter().cloned().chain(named);
        let once: BTreeMap<String, Address> = all.map(|of| (written(&of), of)).collect();
        once.into_values().collect()
    }

    fn message(
        &self,
        to: &Address,
        event: &Event,
        news: &News,
        pages: &Pages,
    ) -> Result<Message, String> {
        let text = news.text(pages);
        let id = hex::encode(Sha256::digest(format!("{}\n{}", event.id, written(to))));
        let domain = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(text.subject)
            // Of the event: a letter that is sent again is the same letter.
            .date(moment(event.time))
            .message_id(Some(format!("<{}@{domain}>", &id[..32])))
            // So that nobody's holiday notice answers (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(text.body)
            .map_err(|error| error.to_string())
    }

    pub(super) async fn send(&self, letter: &Letter) -> Sent {
        match &letter.message {
            Ok(message) => {
                let bytes = message.formatted();
                match self.server.send(message.envelope(), &bytes).await {
                    Sent::Refused(why) => Sent::Refused(format!("{}: {why}", letter.to)),
                    sent => sent,
                }
            }
            Err(error) => Sent::Refused(format!("{}: {error}", letter.to)),
        }
    }
}

impl Letter {
    /// Who gets it.
    pub(super) fn receiver(&self) -> String {
        written(&self.to)
    }
}

/// To the second, which is all that a letter says.
fn moment(at: Timestamp) -> SystemTime {
    let seconds = u64::try_from(at.as_second()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The same for the same mailbox, as nearly everybody has it.
fn written(address: &Address) -> String {
    address.to_string().to_lowercase()
}

/// That of `Ann Example <ann@example.com>`, or the text itself. What else stands there is a stranger's.
fn address_of(text: &str) -> Option<Address> {
    let inside = text
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    let address = inside.map_or(text, |(address, _)| address);
    let odd = text.contains(char::is_control);
    address.trim().parse().ok().filter(|_| !odd)
}

fn flag(vars: &Vars, name: &str) -> anyhow::Result<bool> {
    match vars.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => bail!("{name} is {other:?}, neither true nor false"),
    }
}
