//! Pods of a Kubernetes cluster, over its REST API (`v1`). Three questions of it are all we need, and what `kube` brings
//! besides (kubeconfigs, their helper programs) is of no use to a function, which has neither files nor programs beside it.

mod access;
mod answer;
#[cfg(feature = "aws")]
mod eks;
mod pod;

use farm_core::pool::{CreateError, Found, MachinePool, PoolError};
use farm_model::id::MachineName;
use reqwest::{Client, Method};
use serde_json::Value;

use self::access::Way;
use self::answer::{Page, Pod};
use crate::FARM;
use crate::boot::Boot;
use crate::http::{self, Answer};
use crate::make::{Make, passing};
use crate::pool::{Now, OpenError};
use crate::settings::KubernetesSettings;

/// Pods of one page, and pages.
const PAGE: &str = "500";
const PAGES: usize = 40;

/// A namespace's pods that are marked as a farm's.
pub(crate) struct Kubernetes {
    namespace: String,
    farm: String,
    boot: Boot,
    client: Client,
    way: Way,
}

impl Kubernetes {
    pub(crate) fn open(
        settings: &KubernetesSettings,
        farm: &str,
        boot: &Boot,
        now: &Now,
    ) -> Result<Self, OpenError> {
        let (way, ca) = Way::find(settings, now)?;
        Ok(Self {
            namespace: settings.namespace.clone(),
            farm: farm.to_owned(),
            boot: boot.clone(),
            client: http::client(ca.as_deref())?,
            way,
        })
    }

    /// Asks for what lies in the namespace.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let (api, namespace) = (self.way.api(), &self.namespace);
        let url = format!("{api}/api/v1/namespaces/{namespace}/{path}");
        let request = self.client.request(method, url).query(query);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        http::ask(self.way.sign(request).await?).await
    }

    async fn pod(&self, name: &MachineName) -> Result<Option<Pod>, String> {
        let answer = self
            .ask(Method::GET, &format!("pods/{name}"), &[], None)
            .await?;
        match answer.status.as_u16() {
            200 => answer.json().map(Some),
            404 => Ok(None),
            _ => Err(answer.shown()),
        }
    }

    /// The pod that is there now, made or found.
    async fn make_pod(&self, make: &Make) -> Result<Pod, CreateError> {
        let body = pod::of(make, &self.farm, &self.boot)?;
        let asked = self.ask(Method::POST, "pods", &[], Some(&body)).await;
        let answer = asked.map_err(passing)?;
        match answer.status.as_u16() {
            200..=202 => answer.json().map_err(passing),
            409 => {
                let found = self.pod(&make.order.machine).await.map_err(passing)?;
                found.ok_or_else(|| passing("the pod was there a moment ago, and is not"))
            }
            _ => Err(answer::refusal(&answer)),
        }
    }

    /// What the pod waits for. It is the pod's, and goes with it.
    async fn make_secret(&self, make: &Make, pod: &Pod) -> Result<(), CreateError> {
        let body = pod::secret(make, &self.farm, pod.uid(), &self.boot);
        let asked = self.ask(Method::POST, "secrets", &[], Some(&body)).await;
        let answer = asked.map_err(passing)?;
        match answer.status.as_u16() {
            200..=202 | 409 => Ok(()),
            _ => Err(answer::refusal(&answer)),
        }
    }
}

impl MachinePool for Kubernetes {
    type Order = Make;

    async fn create(&self, make: &Make) -> Result<String, CreateError> {
        let pod = self.make_pod(make).await?;
        if !pod.is_of(&self.farm) {
            return Err(crate::make::refused("somebody else has a pod of that name"));
        }
        self.make_secret(make, &pod).await?;
        Ok(self.namespace.clone())
    }

    async fn list(&self) -> Result<Vec<Found>, PoolError> {
        let (mut found, mut next) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let query = [
                ("labelSelector", FARM),
                ("limit", PAGE),
                ("continue", &next),
            ];
            let query = &query[..if next.is_empty() { 2 } else { 3 }];
            let asked = self.ask(Method::GET, "pods", query, None).await;
            let answer = asked.map_err(PoolError)?;
            if !answer.status.is_success() {
                return Err(PoolError(answer.shown()));
            }
            let page: Page = answer.json().map_err(PoolError)?;
            found.extend(page.items.iter().filter_map(|pod| pod.found(&self.farm)));
            match page.next() {
                Some(token) => next = token,
                None => return Ok(found),
            }
        }
        Err(PoolError(format!(
            "there are more than {PAGES} pages of pods"
        )))
    }

    async fn delete(&self, name: &MachineName, place: Option<&str>) -> Result<(), PoolError> {
        if place.is_some_and(|place| place != self.namespace) {
            return Ok(());
        }
        let ours = self.pod(name).await.map_err(PoolError)?;
        let Some(pod) = ours.filter(|pod| pod.is_of(&self.farm)) else {
            return Ok(());
        };
        let body = pod::end(pod.uid());
        let path = format!("pods/{name}");
        let asked = self.ask(Method::DELETE, &path, &[], Some(&body)).await;
        let answer = asked.map_err(PoolError)?;
        // 409: by now it is another pod than the one that was looked at.
        match answer.status.as_u16() {
            200..=202 | 404 | 409 => Ok(()),
            _ => Err(PoolError(answer.shown())),
        }
    }
}

#[cfg(test)]
mod tests;
