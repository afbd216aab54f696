//! Reads repositories at their source: when a hint names one, and now and then without being asked.

mod config;
mod pace;
mod repository;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use farm_bus::Delivery;
use farm_model::config::FarmConfig;
use farm_model::id::RepoName;
use farm_model::message::activity::Activity;
use farm_runtime::{Clock, Ids};

use crate::engine::Input;
use crate::settings::{ConfigFrom, Settings};
use repository::{Reader, Wish};

/// Hints that may wait for one repository; more go back to the queue.
const WISHES: usize = 1000;

/// Pause before a reader that broke down is started again.
const BREATH: Duration = Duration::from_secs(1);

/// Repositories that are read at once without a hint. Those with one do not wait for them.
const UNASKED: usize = 4;

/// Where hints are handed in.
#[derive(Clone)]
pub(crate) struct Sources {
    readers: Arc<Mutex<Readers>>,
}

/// By repository: where it is read, and its reader. With another URL it is another reader.
type Readers = BTreeMap<RepoName, (String, mpsc::Sender<Wish>)>;

impl Sources {
    /// Asks for `repo` to be read; the delivery is acknowledged once what was read is durable. Both come back where nobody
    /// reads it.
    pub(crate) fn read_again(
        &self,
        repo: &RepoName,
        activity: Activity,
        delivery: Delivery,
    ) -> Option<(Activity, Delivery)> {
        let reader = self
            .readers
            .lock()
            .get(repo)
            .map(|(_, reader)| reader.clone());
        let Some(reader) = reader else {
            return Some((activity, delivery));
        };
        if let Err(refused) = reader.try_send(Wish { activity, delivery }) {
            refused.into_inner().delivery.again();
        }
        None
    }
}

/// Starts a reader for each repository, and for those that come with a new configuration.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    settings: &Settings,
    (clock, ids): (Clock, Ids),
    inputs: mpsc::Sender<Input>,
    configs: watch::Receiver<Option<FarmConfig>>,
) -> Sources {
    let sources = Sources {
        readers: Arc::default(),
    };
    let keeper = Keeper {
        settings: settings.clone(),
        clock,
        inputs,
        configs,
        sources: sources.clone(),
        read: Arc::new(Mutex::new(BTreeSet::new())),
        unasked: Arc::new(Semaphore::new(UNASKED)),
        ids,
    };
    tasks.spawn(keeper.keep());
    sources
}

/// Keeps one reader a repository.
struct Keeper {
    settings: Settings,
    clock: Clock,
    inputs: mpsc::Sender<Input>,
    configs: watch::Receiver<Option<FarmConfig>>,
    sources: Sources,
    /// Repositories that have been read once.
    read: Arc<Mutex<BTreeSet<RepoName>>>,
    unasked: Arc<Semaphore>,
    ids: Ids,
}

impl Keeper {
    async fn keep(mut self) {
        let (mut readers, mut files) = (JoinSet::new(), JoinSet::new());
        if let ConfigFrom::File(file) = &self.settings.config {
            files.spawn(config::watch_file(
                file.clone(),
                self.settings.clone(),
                self.inputs.clone(),
            ));
        }
        loop {
            let wanted = self.wanted();
            self.tell_if_all_read(&wanted).await;
            self.sources
                .readers
                .lock()
                .retain(|name, (url, _)| wanted.get(name) == Some(url));
            for (name, url) in wanted {
                self.start_reader(&mut readers, name, url);
            }
            tokio::select! {
                changed = self.configs.changed() => if changed.is_err() { return },
                Some(_) = files.join_next() => return,
                Some(ended) = readers.join_next() => if let Err(error) = ended {
                    tracing::error!(%error, "a reader ended; it is started again");
                    tokio::time::sleep(BREATH).await;
                    let mut known = self.sources.readers.lock();
                    known.retain(|_, (_, reader)| !reader.is_closed());
                }
            }
        }
    }

    /// Repositories and their URLs: those of the configuration, and the one that holds it.
    fn wanted(&self) -> BTreeMap<RepoName, String> {
        let config = self.configs.borrow();
        let of_config = config.iter().flat_map(|config| &config.repositories);
        let named = of_config
            .filter_map(|(name, repository)| Some((name.clone(), repository.url.clone()?)));
        let given = self
            .settings
            .overlays
            .iter()
            .map(|overlay| (overlay.name.clone(), overlay.url.clone()));
        named.chain(given).collect()
    }

    fn start_reader(&self, readers: &mut JoinSet<()>, name: RepoName, url: String) {
        let mut known = self.sources.readers.lock();
        if known.contains_key(&name) {
            return;
        }
        let (wishes, incoming) = mpsc::channel(WISHES);
        known.insert(name.clone(), (url.clone(), wishes));
        let reader = Reader {
            name,
            url,
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            inputs: self.inputs.clone(),
            configs: self.configs.clone(),
            read: self.read.clone(),
            unasked: self.unasked.clone(),
            ids: self.ids.clone(),
        };
        readers.spawn(reader.run(incoming));
    }

    /// With a configuration that names nothing more to read, all has been read.
    async fn tell_if_all_read(&self, wanted: &BTreeMap<RepoName, String>) {
        let all = self.configs.borrow().is_some()
            && wanted.keys().all(|name| self.read.lock().contains(name));
        if all {
            let _closing = self
                .inputs
                .send(Input {
                    observed_all: true,
                    ..Input::default()
                })
                .await;
        }
    }
}
