//! One repository: hints that arrive while it is being read are answered by one more reading.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, watch};
use tracing::Instrument;

use farm_bus::Delivery;
use farm_core::{Fact, Observation};
use farm_forge::git::{GitError, Mirror};
use farm_model::config::FarmConfig;
use farm_model::id::RepoName;
use farm_model::message::activity::Activity;
use farm_model::record::Branch;
use farm_model::trace::TraceParent;
use farm_runtime::{Clock, Ids, trace};

use super::config;
use super::pace::Pace;
use crate::engine::Input;
use crate::settings::{ConfigFrom, Settings};

/// Pause after a reading that failed though a hint asked for it; each further one is twice as long.
const FAILED: Duration = Duration::from_millis(500);
/// So many of them, which take a minute; then it is read as if nobody had asked.
const AGAIN: u32 = 7;

/// A hint, and the delivery it came with.
pub(super) struct Wish {
    pub(super) activity: Activity,
    pub(super) delivery: Delivery,
}

/// Reads one repository.
pub(super) struct Reader {
    pub(super) name: RepoName,
    pub(super) url: String,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) configs: watch::Receiver<Option<FarmConfig>>,
    pub(super) read: Arc<Mutex<BTreeSet<RepoName>>>,
    /// Places for readings that nobody asked for.
    pub(super) unasked: Arc<Semaphore>,
    pub(super) ids: Ids,
}

impl Reader {
    /// Until the farm ends, or the repository is dropped from the configuration.
    pub(super) async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        let mirror = Mirror::open(self.mirror_folder(), &self.url);
        let mut pace = Pace::new(self.settings.poll, self.ids.clone());
        // At the start at once.
        let mut next = tokio::time::Instant::now();
        let mut patterns = Vec::new();
        // Readings that failed since a hint came.
        let mut again = AGAIN;
        loop {
            let (mut hints, mut place) = (Vec::<Wish>::new(), None);
            let unasked = Arc::clone(&self.unasked);
            let poll = async {
                tokio::time::sleep_until(next).await;
                unasked.acquire_owned().await
            };
            tokio::select! {
                count = wishes.recv_many(&mut hints, super::WISHES) => if count == 0 { return },
                free = poll => place = free.ok(),
                changed = self.configs.changed() => match changed {
                    // Other branches may be wanted now.
                    Ok(()) if self.patterns() != patterns => {}
                    Ok(()) => continue,
                    Err(_) => return,
                }
            }
            patterns = self.patterns();
            // Of several hints the first goes on.
            let trace = hints.iter().find_map(|wish| wish.delivery.event.trace());
            let facts = self.read(&mirror, trace).await;
            drop(place);
            pace.note(facts.is_ok());
            if !hints.is_empty() {
                again = 0;
            }
            let soon = facts.is_err() && again < AGAIN;
            let pause = if soon {
                FAILED * (1 << again)
            } else {
                pace.pause()
            };
            again = if facts.is_ok() {
                AGAIN
            } else {
                again.saturating_add(1)
            };
            next = tokio::time::Instant::now() + pause;
            if !self.hand_in(facts, hints).await {
                return;
            }
        }
    }

    fn mirror_folder(&self) -> std::path::PathBuf {
        self.settings
            .data
            .join("git")
            .join(format!("{}.git", self.name))
    }

    /// What the source says now, as part of a trace.
    async fn read(
        &self,
        mirror: &Mirror,
        parent: Option<TraceParent>,
    ) -> Result<Vec<Fact>, GitError> {
        let span =
            tracing::info_span!(target: trace::TARGET, "read source", repository = %self.name);
        let span = trace::under(span, parent.as_ref());
        let parent = trace::from(&span, parent);
        self.facts(mirror, parent).instrument(span).await
    }

    async fn facts(
        &self,
        mirror: &Mirror,
        trace: Option<TraceParent>,
    ) -> Result<Vec<Fact>, GitError> {
        let at = self.clock.now();
        let observed = mirror.observe(&self.patterns(), Branch::KEPT).await?;
        let mut facts = vec![Fact::Trouble {
            about: self.subject(),
            text: None,
        }];
        let head = observed
            .branches
            .iter()
            .find(|branch| branch.default)
            .and_then(|branch| branch.commits.first());
        if let (true, Some(head)) = (self.holds_config(), head) {
            facts.extend(self.config_facts(mirror, head.id.clone()).await?);
        }
        let branches = observed.branches.into_iter().map(|branch| Branch {
            repo: self.name.clone(),
            name: branch.name,
            default: branch.default,
            commits: branch.commits,
            total: 0,
            observed: at,
        });
        facts.push(Fact::Observed(Observation {
            repo: self.name.clone(),
            branches: branches.collect(),
            at,
            trace,
        }));
        Ok(facts)
    }

    async fn config_facts(
        &self,
        mirror: &Mirror,
        head: farm_model::id::CommitId,
    ) -> Result<Vec<Fact>, GitError> {
        let file = format!("{}:farm.toml", self.name);
        Ok(match mirror.file(&head, "farm.toml").await? {
            Some(text) => config::facts(&file, &text, &self.settings.overlays),
            None => {
                let text = "the default branch holds none; `farm init` suggests one".to_owned();
                vec![Fact::Trouble {
                    about: "farm.toml".to_owned(),
                    text: Some(text),
                }]
            }
        })
    }

    fn holds_config(&self) -> bool {
        self.settings.config == ConfigFrom::Repository(self.name.clone())
    }

    /// Patterns of the branches wanted; none is the default branch.
    fn patterns(&self) -> Vec<String> {
        let config = self.configs.borrow();
        let repository = config
            .as_ref()
            .and_then(|config| config.repositories.get(&self.name));
        repository
            .map(|repository| repository.branches.clone())
            .unwrap_or_default()
    }

    fn subject(&self) -> String {
        format!("source {}", self.name)
    }

    /// False when the farm ends.
    async fn hand_in(&self, facts: Result<Vec<Fact>, GitError>, hints: Vec<Wish>) -> bool {
        let mut facts = facts.unwrap_or_else(|error| {
            tracing::warn!(repo = %self.name, %error, "cannot read the source");
            vec![Fact::Trouble {
                about: self.subject(),
                text: Some(error.to_string()),
            }]
        });
        // Heard also where the reading failed: the source is read again anyway, and the queue's tries are few.
        let (activities, deliveries): (Vec<_>, Vec<_>) = hints
            .into_iter()
            .map(|wish| (wish.activity, wish.delivery))
            .unzip();
        facts.extend(activities.into_iter().map(Fact::Heard));
        let input = Input {
            facts,
            deliveries,
            ..Input::default()
        };
        if self.inputs.send(input).await.is_err() {
            return false;
        }
        // Only what the leader has been told counts as read: nobody may say "all" before it.
        let first = self.read.lock().insert(self.name.clone());
        if first && self.all_read() {
            let all = Input {
                observed_all: true,
                ..Input::default()
            };
            if self.inputs.send(all).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Every repository known so far has been read; one that a new configuration names is told of by the keeper.
    fn all_read(&self) -> bool {
        let config = self.configs.borrow();
        let Some(config) = config.as_ref() else {
            return self.holds_config();
        };
        // As in `Keeper::wanted`: what has no URL is read by nobody.
        let named = config
            .repositories
            .iter()
            .filter(|(_, repository)| repository.url.is_some())
            .map(|(name, _)| name);
        let given = self.settings.overlays.iter().map(|overlay| &overlay.name);
        let read = self.read.lock();
        named.chain(given).all(|name| read.contains(name))
    }
}
