//! A kept archive back onto a machine: from the bucket through the hub, or by the machine itself from the hub's pages.

use std::time::Duration;

use farm_model::id::BlobId;
use farm_wire::client::{Client, TransportError};
use farm_wire::keys::MasterKey;
use tokio_util::io::StreamReader;

use super::paths::inside;
use crate::attempt::fault::Fault;
use crate::attempt::{Attempt, Bad, End};
use crate::site::blob_url;
use crate::text::{one_line, without_url};

/// For a machine to load a snapshot itself.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Of what the machine says, in characters.
const REASON: usize = 300;

/// How snapshots come and go.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// Where machines reach this hub's blobs, `host:port`; none: the hub sends them.
    pub address: Option<String>,
    /// The most that one may have, in bytes.
    pub limit: u64,
    /// What its tokens are made of.
    pub master: MasterKey,
}

impl Attempt {
    /// Unpacks the snapshot into the folder.
    pub(super) async fn restore(&self, client: &Client, snapshot: &BlobId, into: &str) -> End {
        let into = inside(into)?;
        if let Some(url) = self.address_of(snapshot) {
            match client.put_tar_from_url(&url, into, LIMIT).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let (machine, error) = (&self.machine.id, error.to_string());
                    // There is a token in it.
                    let error = without_url(&error, &url);
                    tracing::warn!(%machine, %snapshot, %error, "a machine could not load a snapshot itself");
                }
            }
        }
        self.send_blob(client, snapshot, into).await
    }

    /// Where this machine can load it itself, for a while.
    fn address_of(&self, snapshot: &BlobId) -> Option<String> {
        let snapshots = &self.tools.snapshots;
        let address = snapshots.address.as_deref()?;
        let expires = self.tools.identity.now().as_second() + LIMIT.as_secs().cast_signed();
        let name = self.machine.name();
        Some(blob_url(
            &snapshots.master,
            address,
            snapshot,
            name,
            expires,
        ))
    }

    async fn send_blob(&self, client: &Client, snapshot: &BlobId, into: &str) -> End {
        let unreadable =
            |why: String| Bad::Lost(format!("the snapshot {snapshot} cannot be read: {why}"));
        let found = self.tools.bucket.stream_blob(snapshot).await;
        let found = found.map_err(|error| unreadable(error.to_string()))?;
        let found = found.ok_or_else(|| unreadable("it is not there".to_owned()))?;
        let fault = Fault::default();
        let body = StreamReader::new(fault.watch(found.bytes));
        let sent = client.put_tar(body, into, |_| {}).await;
        match (fault.take(), sent) {
            (Some(why), _) => Err(unreadable(why)),
            (None, Err(TransportError::Status { status: 400, body })) => {
                Err(unreadable(one_line(&body, REASON)))
            }
            (None, Err(error)) => Err(Bad::Lost(format!("cannot send the snapshot: {error}"))),
            (None, Ok(())) => Ok(()),
        }
    }

    /// The first snapshot that the attempt needs and that is surely gone: what made it must be done again.
    pub async fn missing_snapshot(&self) -> Option<BlobId> {
        let steps = self.job.steps.iter().filter(|step| !self.is_placed(step));
        let restored = steps.filter_map(|step| match step {
            farm_model::message::work::Step::Restore { snapshot, .. } => Some(snapshot),
            _ => None,
        });
        for snapshot in restored {
            let asked = tokio::time::timeout(ASK, self.tools.bucket.has_blob(snapshot)).await;
            if let Ok(Ok(false)) = asked {
                return Some(snapshot.clone());
            }
        }
        None
    }
}

/// For the bucket to say whether it has a snapshot; one that does not say so has it until it is to be read.
const ASK: Duration = Duration::from_secs(5);
