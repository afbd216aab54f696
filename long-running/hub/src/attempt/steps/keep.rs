//! A folder of the machine as a blob.

use std::io;

use bytes::Bytes;
use farm_model::id::BlobId;
use farm_wire::client::Download;
use futures::{Stream, stream};
use tokio::time::timeout;

use super::paths::inside;
use crate::attempt::desk::Desk;
use crate::attempt::{Attempt, Bad, End, limit, timed_out};

/// The step's name, for people.
const NAME: &str = "snapshot";

impl Attempt {
    /// Streams the folder into the bucket, under its digest: two attempts that make the same write the same, and nobody
    /// overwrites anything else. Whatever goes wrong is not the code's fault.
    pub(super) async fn keep(
        &self,
        dir: &str,
        remove: &[String],
        seconds: u64,
        desk: &mut Desk<'_>,
    ) -> End {
        desk.begin_ours(NAME).await;
        let limit = limit(seconds);
        let kept = timeout(limit, self.kept(dir, remove)).await;
        let kept = kept.unwrap_or_else(|_| Err(timed_out(limit)));
        let end = match kept {
            Ok(blob) => {
                desk.course.gains.snapshot = Some(blob);
                Ok(())
            }
            Err(why) => Err(Bad::Lost(format!("cannot keep {dir}: {why}"))),
        };
        desk.end_ours(NAME, end).await
    }

    async fn kept(&self, dir: &str, remove: &[String]) -> Result<BlobId, String> {
        let said = |bad: Bad| match bad {
            Bad::Failed(why) | Bad::Lost(why) => why,
        };
        let dir = inside(dir).map_err(said)?;
        let paths: Result<Vec<&str>, Bad> = remove.iter().map(|path| inside(path)).collect();
        let paths = paths.map_err(said)?;
        let client = self.machine.client();
        if !paths.is_empty() {
            let removed = client.remove_all(&paths).await;
            removed.map_err(|error| error.to_string())?;
        }
        let archive = client
            .get_tar(dir)
            .await
            .map_err(|error| error.to_string())?;
        let most = self.tools.snapshots.limit;
        let stored = self
            .tools
            .bucket
            .put_blob_from(pieces(archive), most, None)
            .await;
        stored.map_err(|error| error.to_string())
    }
}

fn pieces(archive: Download) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(archive, |mut archive| async {
        let piece = archive.next().await.map_err(io::Error::other)?;
        Ok(piece.map(|piece| (piece, archive)))
    })
}
