//! Old leaders and new ones, at one bucket.

use farm_store::{Durability, Keep, SqliteStore, Store};

use super::*;
use crate::leadership::Handle;

/// A state that leaders take from each other.
struct State(Box<dyn Store>);

impl State {
    fn new() -> Self {
        let store = SqliteStore::open("unused".as_ref(), Durability::Memory);
        Self(Box::new(store.unwrap()))
    }

    /// The writer of the next leader, which knows what the state has.
    fn next(&self, bucket: &Bucket) -> Writer {
        let mut leader = self.0.another().unwrap();
        let loaded = leader.load(Keep::Everything).unwrap();
        let leadership = Leadership::new(Handle::new(leader), loaded.epoch);
        Writer::new(bucket.clone(), leadership, Clock::system(), loaded.views)
    }
}

async fn write(writer: &mut Writer, text: &str) -> Result<Written, Fenced> {
    let document = (ViewKey::Farm, Some(text.to_owned()));
    writer.round(vec![document]).await
}

async fn there(bucket: &Bucket) -> String {
    let view = bucket
        .get_view(&ViewKey::Farm.path())
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(view.bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn an_old_leader_cannot_overwrite_what_a_new_one_wrote() {
    let (bucket, state) = (Bucket::open("memory:").unwrap(), State::new());
    let mut old = state.next(&bucket);
    write(&mut old, "old").await.unwrap();
    let mut new = state.next(&bucket);
    let written = write(&mut new, "new").await.unwrap();
    assert_eq!((written.keys.len(), written.versions.len()), (1, 1));
    // It wakes up and knows of nothing: its version is out of date, and looking again tells it.
    assert_eq!(write(&mut old, "old again").await.unwrap_err(), Fenced);
    assert_eq!(there(&bucket).await, "new");
    write(&mut new, "newer").await.unwrap();
    assert_eq!(there(&bucket).await, "newer");
}

#[tokio::test]
async fn an_old_leader_that_has_never_written_a_document_cannot_either() {
    let (bucket, state) = (Bucket::open("memory:").unwrap(), State::new());
    let mut old = state.next(&bucket);
    let mut new = state.next(&bucket);
    assert_eq!(write(&mut old, "old").await.unwrap_err(), Fenced);
    assert_eq!(bucket.get_view(&ViewKey::Farm.path()).await.unwrap(), None);
    write(&mut new, "new").await.unwrap();
    assert_eq!(write(&mut old, "old").await.unwrap_err(), Fenced);
    assert_eq!(there(&bucket).await, "new");
}

#[tokio::test]
async fn what_an_old_leader_wrote_last_is_overwritten() {
    let (bucket, state) = (Bucket::open("memory:").unwrap(), State::new());
    let mut old = state.next(&bucket);
    let known = write(&mut old, "recorded").await.unwrap().versions;
    write(&mut old, "not recorded").await.unwrap();
    let mut new = state.next(&bucket);
    new.remember(&known[0].key, &known[0].version);
    write(&mut new, "new").await.unwrap();
    assert_eq!(there(&bucket).await, "new");
}

#[tokio::test]
async fn in_a_folder_an_old_leader_looks_first_and_the_lock_has_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    let url = farm_bucket::folder_url(folder.path()).unwrap();
    let (bucket, state) = (Bucket::open(&url).unwrap(), State::new());
    let mut old = state.next(&bucket);
    assert_eq!(write(&mut old, "old").await.unwrap().keys, [ViewKey::Farm]);
    let mut new = state.next(&bucket);
    // The old one is frozen and holds the lock: what is written now is not done with.
    assert!(write(&mut new, "new").await.unwrap().keys.is_empty());
    assert_eq!(write(&mut old, "old again").await.unwrap_err(), Fenced);
    assert_eq!(there(&bucket).await, "new");
    drop(old);
    let written = new.round(Vec::new()).await.unwrap();
    assert_eq!(written.again, [ViewKey::Farm]);
    assert_eq!(write(&mut new, "new").await.unwrap().keys, [ViewKey::Farm]);
}
