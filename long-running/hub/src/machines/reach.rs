//! How a machine is reached: through the session that it opened, or at an address of its own.

use std::io;
use std::sync::Arc;

use farm_wire::client::Client;
use farm_wire::revdial::{Dialer, SessionStats};
use farm_wire::reverse::RevdialVersion;
use farm_wire::stream::{BoxStream, Connect};
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Dials, Timed};

/// A way to one machine. Clones share it.
#[derive(Clone)]
pub enum Reach {
    /// It dialed in.
    Reverse(Dialer),
    /// It is dialed.
    Direct(Arc<DirectLine>),
}

/// An address, as long as the machine there is of use.
pub struct DirectLine {
    connect: Arc<dyn Connect>,
    password: Option<String>,
    ended: CancellationToken,
}

impl DirectLine {
    /// Through `connect`, with the password if the machine wants one.
    pub fn new(connect: Arc<dyn Connect>, password: Option<String>) -> Self {
        Self {
            connect,
            password,
            ended: CancellationToken::new(),
        }
    }
}

impl From<Dialer> for Reach {
    fn from(dialer: Dialer) -> Self {
        Self::Reverse(dialer)
    }
}

impl Reach {
    /// A client of the buildlet `name` there, whose dials are counted. Nothing is dialed yet.
    pub fn client(&self, name: &str, dials: &Dials) -> Client {
        let client = Client::new(Arc::new(Timed::new(self.clone(), dials)), name);
        let password = match self {
            Self::Reverse(_) => None,
            Self::Direct(line) => line.password.as_deref(),
        };
        match password {
            Some(password) => client.with_password(password),
            None => client,
        }
    }

    /// Ends the session; of an address, says that it is not to be used any more.
    pub fn close(&self) {
        match self {
            Self::Reverse(dialer) => dialer.close(),
            Self::Direct(line) => line.ended.cancel(),
        }
    }

    /// Whether that has happened, or the session has ended.
    pub fn is_closed(&self) -> bool {
        match self {
            Self::Reverse(dialer) => dialer.is_closed(),
            Self::Direct(line) => line.ended.is_cancelled(),
        }
    }

    /// The version of reverse dialing, or `direct`.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::Reverse(dialer) => match dialer.version() {
                RevdialVersion::V1 => "1",
                RevdialVersion::V2 => "2",
                RevdialVersion::V3 => "3",
            },
            Self::Direct(_) => "direct",
        }
    }

    /// What the session did so far, if there is one.
    pub fn stats(&self) -> Option<SessionStats> {
        match self {
            Self::Reverse(dialer) => Some(dialer.stats()),
            Self::Direct(_) => None,
        }
    }

    /// Returns when the session has ended, or the address is no longer used.
    pub async fn closed(&self) {
        match self {
            Self::Reverse(dialer) => dialer.closed().await,
            Self::Direct(line) => line.ended.cancelled().await,
        }
    }
}

impl Connect for Reach {
    fn connect(&self) -> BoxFuture<'_, io::Result<BoxStream>> {
        match self {
            Self::Reverse(dialer) => dialer.connect(),
            Self::Direct(line) => line.connect.connect(),
        }
    }
}
