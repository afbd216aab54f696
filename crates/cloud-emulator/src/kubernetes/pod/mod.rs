//! From the order of a pod to its end.

mod program;
mod status;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use self::status::{Step, Waiting};
use super::Kubernetes;
use super::quota::cpus;
use super::state::{Key, Kind, State};
use crate::answer::{number, text};
use crate::machine::{End, Life, Program, Told};

/// The file of a pod's folder that its output goes to.
pub(super) fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// One pod on its way.
struct Pod {
    kubernetes: Kubernetes,
    key: Key,
    uid: String,
    life: Life,
}

/// Waits for room, for the image and for its secrets, runs it, and says how it ended.
pub(super) async fn live(kubernetes: Kubernetes, key: Key, uid: String) {
    let life = kubernetes.look(|state| state.get(&key).ok()?.life.clone());
    let Some(life) = life else {
        return;
    };
    let _ended = life.begin();
    let pod = Pod {
        kubernetes,
        key,
        uid,
        life,
    };
    if pod.scheduled().await {
        let most = number(&pod.body(), "/spec/activeDeadlineSeconds").map(Duration::from_secs);
        let end = match most {
            None => pod.on_its_node().await,
            Some(most) => tokio::time::timeout(most, pod.on_its_node())
                .await
                .unwrap_or(End::Deadline),
        };
        pod.step(Step::Ended(&end));
    }
}

/// Kills a pod whose node is gone. False: there is no such pod.
pub(super) fn lose(kubernetes: &Kubernetes, key: &Key) -> bool {
    let life = kubernetes.look(|state| state.get(key).ok()?.life.clone());
    life.inspect(|life| life.tell(Told::Kill)).is_some()
}

impl Pod {
    /// Looks, and looks again at every change, until there is an answer. None: it was told to end.
    async fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T> + Send) -> Option<T> {
        let mut changed = self.kubernetes.0.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if self.life.told() != Told::Live {
                return None;
            }
            if let Some(found) = look(self) {
                return Some(found);
            }
            tokio::select! {
                changed = changed.changed() => changed.ok()?,
                () = self.told() => return None,
            }
        }
    }

    async fn told(&self) {
        self.life.told_to_end(None).await;
    }

    /// Waits for room on the node; false: it was told to end before there was any.
    async fn scheduled(&self) -> bool {
        let mut said = false;
        let found = self.until(|pod| {
            let room = pod.kubernetes.change(|state| {
                let room = room(state, &pod.key, &pod.uid);
                if room {
                    state.update(&pod.key, &pod.uid, |pod| Step::Scheduled.write(pod));
                } else if !said {
                    state.update(&pod.key, &pod.uid, |pod| Step::Unschedulable.write(pod));
                    said = true;
                }
                room
            });
            room.then_some(())
        });
        found.await.is_some()
    }

    async fn on_its_node(&self) -> End {
        let wait = self.kubernetes.look(|state| state.node.pull_ms);
        if !self.life.wait(Duration::from_millis(wait)).await {
            return End::Told;
        }
        let mut said = None;
        let program = self.until(|pod| match pod.program() {
            Ok(program) => Some(program),
            Err(waiting) => {
                // Said once: each word is a change too.
                if said.as_ref() != Some(&waiting) {
                    pod.step(Step::Waiting(&waiting));
                    said = Some(waiting);
                }
                None
            }
        });
        match program.await {
            None => End::Told,
            Some(program) => self.run(&program).await,
        }
    }

    async fn run(&self, program: &Program) -> End {
        let started = |group| {
            self.kubernetes.change(|state| {
                state.update(&self.key, &self.uid, |pod| Step::Running.write(pod));
                if let Some(stored) = state.objects.get_mut(&self.key) {
                    stored.group = Some(group);
                }
            });
        };
        self.life.run(program, None, started).await
    }

    fn program(&self) -> Result<Program, Waiting> {
        let images = &self.kubernetes.0.options.images;
        let folder = self.kubernetes.folder(&self.key, &self.uid);
        self.kubernetes
            .look(|state| program::of(state, &self.key, images, &folder))
    }

    fn step(&self, step: Step<'_>) {
        self.kubernetes.change(|state| {
            if let Step::Ended(_) = step
                && let Some(stored) = state.objects.get_mut(&self.key)
            {
                stored.group = None;
            }
            state.update(&self.key, &self.uid, |pod| step.write(pod));
        });
    }

    fn body(&self) -> Value {
        let body = |state: &State| state.get(&self.key).map(|one| one.body.clone());
        self.kubernetes.look(body).unwrap_or(Value::Null)
    }
}

/// Whether the node has what the pod requests beside what those have that are on it.
fn room(state: &State, key: &Key, uid: &str) -> bool {
    let Some(most) = state.node.cpus else {
        return true;
    };
    let wanted = state.get(key).map_or(0, |pod| cpus(&pod.body));
    let on_it = state.all(Kind::Pod, None).filter(|(_, pod)| {
        pod.uid() != uid && pod.is_alive() && !text(&pod.body, "/spec/nodeName").is_empty()
    });
    let used: u128 = on_it.map(|(_, pod)| cpus(&pod.body)).sum();
    used + wanted <= u128::from(most) * 1_000
}

impl Kubernetes {
    /// The folder of a pod.
    pub(super) fn folder(&self, key: &Key, uid: &str) -> PathBuf {
        let number = uid.rsplit_once('-').map_or(uid, |(_, number)| number);
        let number = u64::from_str_radix(number, 16).unwrap_or(0);
        self.0.place.folder(&key.name, number)
    }
}
