//! What a session brings.

use tokio::sync::mpsc;

use crate::stream::BoxStream;

/// Connections that the hub opened.
#[derive(Debug)]
pub struct Incoming(pub(super) mpsc::Receiver<BoxStream>);

impl Incoming {
    /// The next connection, on which the hub speaks first; `None` when the session ended.
    pub async fn accept(&mut self) -> Option<BoxStream> {
        self.0.recv().await
    }
}

impl std::fmt::Debug for dyn crate::stream::Duplex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Duplex")
    }
}

/// Keys that the hub gives this machine, each to be used instead of the one before.
#[derive(Debug)]
pub struct Renewals(pub(super) mpsc::Receiver<NewKey>);

impl Renewals {
    /// The next key; `None` when the session ended.
    pub async fn next(&mut self) -> Option<NewKey> {
        self.0.recv().await
    }
}

/// A machine's next key.
#[derive(Clone, PartialEq, Eq)]
pub struct NewKey(String);

/// A secret is not shown.
impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewKey(…)")
    }
}

impl NewKey {
    /// `None` if it is not what a header can carry: it could not be registered with.
    pub(super) fn new(key: String) -> Option<Self> {
        let usable = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        usable.then_some(Self(key))
    }

    /// As it is presented.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}
