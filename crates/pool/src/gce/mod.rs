//! Virtual machines of Google Compute Engine, over its REST API (`compute.googleapis.com/compute/v1`).

mod answer;
mod instance;

use std::time::Duration;

use farm_core::pool::{CreateError, Found, MachinePool, PoolError};
use farm_model::id::MachineName;
use futures::future::try_join_all;
use reqwest::{Client, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use self::answer::{Instance, Operation, Page};
use crate::FARM;
use crate::boot::{Boot, vm};
use crate::google::Account;
use crate::http::{self, Answer};
use crate::make::{Make, best, is_of_the_place, passing};
use crate::pool::OpenError;
use crate::settings::GceSettings;

const API: &str = "https://compute.googleapis.com";
/// How long one zone may take to say that it has none. An order that is still under way then is as good as made: if it fails
/// after all, the machine is missing later.
const DECIDES: Duration = Duration::from_secs(8);
/// Between two looks at an operation.
const LOOK: Duration = Duration::from_millis(500);
/// Machines of one page, and pages of one zone.
const PAGE: &str = "500";
const PAGES: usize = 40;

/// A project's machines that are marked as a farm's.
pub(crate) struct Gce {
    settings: GceSettings,
    farm: String,
    boot: Boot,
    client: Client,
    account: Account,
}

impl Gce {
    pub(crate) fn open(settings: &GceSettings, farm: &str, boot: &Boot) -> Result<Self, OpenError> {
        Ok(Self {
            settings: settings.clone(),
            farm: farm.to_owned(),
            boot: boot.clone(),
            client: http::client(None)?,
            account: Account::default(),
        })
    }

    /// Asks for what lies in a zone, below its path.
    async fn ask(
        &self,
        method: Method,
        (zone, path): (&str, &str),
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let api = self.settings.endpoint.as_deref().unwrap_or(API);
        // With or without what is the same for all: other programs' settings have it.
        let api = api.trim_end_matches('/').trim_end_matches("/compute/v1");
        let project = &self.settings.project;
        let url = format!("{api}/compute/v1/projects/{project}/zones/{zone}/{path}");
        let request = self.client.request(method, url).query(query);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        http::ask(match self.settings.endpoint {
            // Whatever else speaks this API is not told who we are.
            Some(_) => request,
            None => self.account.sign(request).await?,
        })
        .await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        at: (&str, &str),
        query: &[(&str, &str)],
    ) -> Result<Option<T>, String> {
        let answer = self.ask(Method::GET, at, query, None).await?;
        match answer.status.as_u16() {
            200 => answer.json().map(Some),
            404 => Ok(None),
            _ => Err(answer.shown()),
        }
    }

    async fn make_in(&self, zone: &str, make: &Make) -> Result<(), CreateError> {
        let body = instance::of(
            make,
            vm(make)?,
            &self.settings,
            &self.farm,
            zone,
            &self.boot,
        );
        let asked = self.ask(Method::POST, (zone, "instances"), &[], Some(&body));
        let answer = asked.await.map_err(passing)?;
        match answer.status.as_u16() {
            200 => self.settled(zone, answer.json().map_err(passing)?).await,
            // It is there already, or was a moment ago.
            409 => Ok(()),
            _ => Err(answer::refusal(&answer)),
        }
    }

    /// What comes of an operation, as far as it is known soon.
    async fn settled(&self, zone: &str, mut operation: Operation) -> Result<(), CreateError> {
        let until = Instant::now() + DECIDES;
        let mut look = Instant::now();
        while operation.status != "DONE" && Instant::now() < until {
            look += LOOK;
            sleep_until(look).await;
            let path = format!("operations/{}", operation.name);
            match self.get((zone, &path), &[]).await {
                Ok(Some(now)) => operation = now,
                Ok(None) => break,
                Err(error) => tracing::debug!(%error, "an operation is not seen now"),
            }
        }
        operation.outcome()
    }

    /// Where there is a machine of ours by that name.
    async fn places(&self, name: &MachineName) -> Result<Vec<String>, String> {
        let path = format!("instances/{name}");
        let asked = self.settings.zones.iter().map(|zone| {
            let path = &path;
            async move {
                let found: Option<Instance> = self.get((zone, path), &[]).await?;
                let ours = found.is_some_and(|found| found.is_of(&self.farm));
                Ok::<_, String>(ours.then(|| zone.clone()))
            }
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    async fn in_zone(&self, zone: &str) -> Result<Vec<Found>, String> {
        let filter = format!("labels.{FARM}:*");
        let (mut found, mut token) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let query = [
                ("filter", filter.as_str()),
                ("maxResults", PAGE),
                ("pageToken", &token),
            ];
            let query = &query[..if token.is_empty() { 2 } else { 3 }];
            let page: Option<Page> = self.get((zone, "instances"), query).await?;
            let page = page.ok_or_else(|| format!("there is no zone {zone}"))?;
            let all = page.items.iter();
            found.extend(all.filter_map(|instance| instance.found(zone, &self.farm)));
            match page.next_page_token {
                Some(next) if !next.is_empty() => token = next,
                _ => return Ok(found),
            }
        }
        Err(format!("{zone} has more than {PAGES} pages of machines"))
    }
}

impl MachinePool for Gce {
    type Order = Make;

    async fn create(&self, make: &Make) -> Result<String, CreateError> {
        // A name is taken in one zone alone, and an earlier try may have made it in any.
        let there = self.places(&make.order.machine).await.map_err(passing)?;
        if let Some(zone) = there.into_iter().next() {
            return Ok(zone);
        }
        let mut errors = Vec::new();
        for zone in make.turns(&self.settings.zones) {
            match self.make_in(zone, make).await {
                Ok(()) => return Ok(zone.clone()),
                Err(error) if is_of_the_place(error.cause) => errors.push(error),
                Err(error) => return Err(error),
            }
        }
        Err(best(errors))
    }

    async fn list(&self) -> Result<Vec<Found>, PoolError> {
        let zones = self.settings.zones.iter();
        let found = try_join_all(zones.map(|zone| self.in_zone(zone))).await;
        Ok(found.map_err(PoolError)?.into_iter().flatten().collect())
    }

    async fn delete(&self, name: &MachineName, place: Option<&str>) -> Result<(), PoolError> {
        for zone in self.places(name).await.map_err(PoolError)? {
            if place.is_some_and(|place| place != zone) {
                continue;
            }
            let path = format!("instances/{name}");
            let asked = self.ask(Method::DELETE, (&zone, &path), &[], None);
            let answer = asked.await.map_err(PoolError)?;
            if !answer.status.is_success() && answer.status.as_u16() != 404 {
                return Err(PoolError(answer.shown()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
