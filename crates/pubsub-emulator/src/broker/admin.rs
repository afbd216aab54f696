//! Topics and subscriptions: made, read, changed, listed, deleted. A change is on disk before it
//! is in force.

use std::sync::Arc;

use super::Broker;
use super::settings;
use super::topics;
use crate::mask;
use crate::names::{DELETED_TOPIC, ProjectName, SubscriptionName, TopicName};
pub(crate) use crate::page::Page;
use crate::proto::{PushConfig, Subscription, Topic};
use crate::push::PushTarget;
use crate::refusal::Refusal;
use crate::store::catalog::{Catalog, SubscriptionId};

/// The service names a resource by its id alone.
pub(super) fn missing(name: impl std::fmt::Display) -> Refusal {
    Refusal::not_found(format!("Resource not found (resource={name})."))
}

pub(super) fn existing(name: impl std::fmt::Display) -> Refusal {
    Refusal::exists(format!(
        "Resource already exists in the project (resource={name})."
    ))
}

impl Broker {
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.state.lock().catalog)
    }

    /// Changes a copy of the catalog, saves it, and puts it in force.
    pub(super) async fn change<T>(
        &self,
        edit: impl FnOnce(&mut Catalog) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let _one_at_a_time = self.admin.lock().await;
        if self.closing.is_cancelled() {
            return Err(Refusal::shutting_down());
        }
        let mut catalog = (*self.catalog()).clone();
        let result = edit(&mut catalog)?;
        catalog.settle_retention();
        let catalog = Arc::new(catalog);
        self.save(Arc::clone(&catalog)).await?;
        self.adopt(catalog);
        Ok(result)
    }

    /// Puts a catalog that is on disk in force.
    pub(super) fn adopt(&self, catalog: Arc<Catalog>) {
        let now = self.clock.now();
        {
            let mut state = self.state.lock();
            for (holder, seqs) in state.adopt(catalog, now) {
                self.let_go(&mut state, holder, &seqs);
            }
            self.remove_finished(&mut state);
        }
        // What expires first may be another now.
        self.sooner.notify_one();
        self.changed.notify_one();
    }

    pub(super) async fn save(&self, catalog: Arc<Catalog>) -> Result<(), Refusal> {
        let Some(folder) = self.folder.clone() else {
            return Ok(());
        };
        let shown = folder.display().to_string();
        let saved = tokio::task::spawn_blocking(move || catalog.save(&folder)).await;
        saved
            .map_err(|error| Refusal::internal(error.to_string()))?
            .map_err(|error| {
                tracing::error!(folder = %shown, %error, "the catalog was not written");
                Refusal::unavailable(format!("cannot write in the data folder {shown}: {error}"))
            })
    }

    pub async fn create_topic(&self, mut config: Topic) -> Result<Topic, Refusal> {
        let name = TopicName::parse(&config.name)?;
        self.change(|catalog| {
            if catalog.topics.contains_key(&name) {
                return Err(existing(name.id()));
            }
            topics::complete(catalog, &mut config)?;
            catalog.topics.insert(name, config.clone());
            Ok(config)
        })
        .await
    }

    pub fn topic(&self, name: &str) -> Result<Topic, Refusal> {
        let name = TopicName::parse(name)?;
        let catalog = self.catalog();
        catalog
            .topics
            .get(&name)
            .cloned()
            .ok_or_else(|| missing(name.id()))
    }

    /// Takes the fields named by `paths` from `update`.
    pub async fn update_topic(&self, update: Topic, paths: &[String]) -> Result<Topic, Refusal> {
        let name = TopicName::parse(&update.name)?;
        self.change(|catalog| {
            let config = catalog.topics.get(&name);
            let mut config = config.ok_or_else(|| missing(name.id()))?.clone();
            mask::update_topic(&mut config, &update, paths)?;
            topics::complete(catalog, &mut config)?;
            catalog.topics.insert(name, config.clone());
            Ok(config)
        })
        .await
    }

    pub fn topics(&self, project: &str, page: Page) -> Result<(Vec<Topic>, String), Refusal> {
        let project = ProjectName::parse(project)?;
        let catalog = self.catalog();
        let of_project = catalog
            .topics
            .iter()
            .filter(|(name, _)| project.contains(name.as_str()))
            .map(|(name, topic)| (name.as_str().to_owned(), topic.clone()));
        Ok(page.cut(of_project))
    }

    /// Deletes a topic. Its subscriptions stay, with what they have.
    pub async fn delete_topic(&self, name: &str) -> Result<(), Refusal> {
        let name = TopicName::parse(name)?;
        self.change(|catalog| {
            catalog
                .topics
                .remove(&name)
                .ok_or_else(|| missing(name.id()))?;
            for (_, config) in catalog.subscriptions.values_mut() {
                if config.topic == name.as_str() {
                    config.topic = DELETED_TOPIC.to_owned();
                }
            }
            for record in catalog.snapshots.values_mut() {
                if record.config.topic == name.as_str() {
                    record.config.topic = DELETED_TOPIC.to_owned();
                }
            }
            Ok(())
        })
        .await
    }

    /// The names of a topic's subscriptions.
    pub fn topic_subscriptions(
        &self,
        topic: &str,
        page: Page,
    ) -> Result<(Vec<String>, String), Refusal> {
        self.names_of(topic, page, |catalog, topic| {
            let all = catalog.subscriptions.iter();
            let of_topic = all.filter(|(_, (_, config))| config.topic == topic && !config.detached);
            of_topic.map(|(name, _)| name.as_str().to_owned()).collect()
        })
    }

    /// A page of the names of what belongs to a topic.
    pub(super) fn names_of(
        &self,
        topic: &str,
        page: Page,
        names: impl FnOnce(&Catalog, &str) -> Vec<String>,
    ) -> Result<(Vec<String>, String), Refusal> {
        let topic = TopicName::parse(topic)?;
        let catalog = self.catalog();
        if !catalog.topics.contains_key(&topic) {
            return Err(missing(topic.id()));
        }
        let names = names(&catalog, topic.as_str()).into_iter();
        Ok(page.cut(names.map(|name| (name.clone(), name))))
    }

    pub async fn create_subscription(
        &self,
        mut config: Subscription,
    ) -> Result<Subscription, Refusal> {
        let asked = match config.name.as_str() {
            "" => None,
            name => Some(SubscriptionName::parse(name)?),
        };
        let topic = TopicName::parse(&config.topic)?;
        config.detached = false;
        config.topic_message_retention_duration = None;
        settings::complete(&mut config)?;
        self.change(|catalog| {
            let id = SubscriptionId(catalog.new_holder().0);
            let name = match asked {
                Some(name) => name,
                None => given_name(&topic, id)?,
            };
            name.as_str().clone_into(&mut config.name);
            if catalog.subscriptions.contains_key(&name) {
                return Err(existing(name.id()));
            }
            if !catalog.topics.contains_key(&topic) {
                return Err(missing(topic.id()));
            }
            check_dead_letter_topic(catalog, &config)?;
            catalog.subscriptions.insert(name, (id, config.clone()));
            Ok(shown(catalog, &config))
        })
        .await
    }

    pub fn subscription(&self, name: &str) -> Result<Subscription, Refusal> {
        let name = SubscriptionName::parse(name)?;
        let catalog = self.catalog();
        let found = catalog.subscriptions.get(&name);
        found
            .map(|(_, config)| shown(&catalog, config))
            .ok_or_else(|| missing(name.id()))
    }

    /// Takes the fields named by `paths` from `update`.
    pub async fn update_subscription(
        &self,
        update: Subscription,
        paths: &[String],
    ) -> Result<Subscription, Refusal> {
        let name = SubscriptionName::parse(&update.name)?;
        self.change(|catalog| {
            let found = catalog.subscriptions.get(&name);
            let (id, mut config) = found.ok_or_else(|| missing(name.id()))?.clone();
            let before = config.dead_letter_policy.clone();
            mask::update_subscription(&mut config, &update, paths)?;
            settings::complete(&mut config)?;
            if config.dead_letter_policy != before {
                check_dead_letter_topic(catalog, &config)?;
            }
            catalog.subscriptions.insert(name, (id, config.clone()));
            Ok(shown(catalog, &config))
        })
        .await
    }

    pub async fn modify_push_config(
        &self,
        name: &str,
        push: Option<PushConfig>,
    ) -> Result<(), Refusal> {
        let update = Subscription {
            name: name.to_owned(),
            push_config: push,
            ..Subscription::default()
        };
        let paths = ["push_config".to_owned()];
        self.update_subscription(update, &paths).await.map(|_| ())
    }

    /// Cuts a subscription off its topic and drops what it has: it goes on as another one, without
    /// messages and with no way to get any.
    pub async fn detach_subscription(&self, name: &str) -> Result<(), Refusal> {
        let name = SubscriptionName::parse(name)?;
        self.change(|catalog| {
            let fresh = SubscriptionId(catalog.new_holder().0);
            let found = catalog.subscriptions.get_mut(&name);
            let (id, config) = found.ok_or_else(|| missing(name.id()))?;
            *id = fresh;
            config.detached = true;
            Ok(())
        })
        .await
    }

    pub fn subscriptions(
        &self,
        project: &str,
        page: Page,
    ) -> Result<(Vec<Subscription>, String), Refusal> {
        let project = ProjectName::parse(project)?;
        let catalog = self.catalog();
        let of_project = catalog
            .subscriptions
            .iter()
            .filter(|(name, _)| project.contains(name.as_str()))
            .map(|(name, (_, config))| (name.as_str().to_owned(), shown(&catalog, config)));
        Ok(page.cut(of_project))
    }

    pub async fn delete_subscription(&self, name: &str) -> Result<(), Refusal> {
        let name = SubscriptionName::parse(name)?;
        self.change(|catalog| {
            let removed = catalog.subscriptions.remove(&name);
            removed.map(|_| ()).ok_or_else(|| missing(name.id()))
        })
        .await
    }

    /// The subscriptions that push, as they are now.
    pub fn push_targets(&self) -> Vec<(SubscriptionId, PushTarget)> {
        let catalog = self.catalog();
        let attached = catalog.subscriptions.values().filter(|(_, c)| !c.detached);
        let targets = attached.filter_map(|(id, config)| {
            let endpoint = settings::push_endpoint(config)?;
            let deadline = settings::ack_deadline(config);
            Some((*id, PushTarget::new(config, endpoint, deadline)))
        });
        targets.collect()
    }
}

/// The name of a subscription that was asked for without one: in the project of its topic.
fn given_name(topic: &TopicName, id: SubscriptionId) -> Result<SubscriptionName, Refusal> {
    let project = topic.project();
    SubscriptionName::parse(&format!(
        "projects/{project}/subscriptions/subscription-{}",
        id.0
    ))
}

/// A policy cannot be set to a topic that is not there. Later the topic may be deleted.
fn check_dead_letter_topic(catalog: &Catalog, config: &Subscription) -> Result<(), Refusal> {
    let Some(policy) = &config.dead_letter_policy else {
        return Ok(());
    };
    let topic = TopicName::parse(&policy.dead_letter_topic)?;
    if catalog.topics.contains_key(&topic) {
        return Ok(());
    }
    Err(missing(topic.id()))
}

/// A subscription as it is answered: with what its topic retains.
fn shown(catalog: &Catalog, config: &Subscription) -> Subscription {
    let topic = TopicName::parse(&config.topic).ok();
    let topic = topic.and_then(|topic| catalog.topics.get(&topic));
    Subscription {
        topic_message_retention_duration: topic.and_then(|t| t.message_retention_duration),
        ..config.clone()
    }
}
