//! Virtual machines of Amazon EC2, over its query API (version 2016-11-15). A client of its own: the three calls that are
//! needed are forms and small XML, and `aws-sdk-ec2`, which has seven hundred of them, takes gigabytes to build.

mod answer;
mod run;

use farm_core::pool::{CreateError, Found, MachinePool, PoolError};
use farm_model::id::MachineName;
use farm_model::order::NotMade;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Request, Url};

use self::answer::{Described, Instance, Refusal};
use crate::FARM;
use crate::amazon::Account;
use crate::boot::{Boot, vm};
use crate::http::{self, Answer};
use crate::make::{Make, best, is_of_the_place, passing};
use crate::pool::{Now, OpenError};
use crate::settings::Ec2Settings;

const VERSION: &str = "2016-11-15";
/// Machines of one page, and pages.
const PAGE: &str = "1000";
const PAGES: usize = 20;
/// Machines that there are, or that still take up their name. One that is being terminated does neither.
const ALIVE: [&str; 4] = ["pending", "running", "stopping", "stopped"];

/// A region's machines that are tagged as a farm's.
pub(crate) struct Ec2 {
    settings: Ec2Settings,
    farm: String,
    boot: Boot,
    url: Url,
    client: Client,
    account: Account,
}

/// Parameters of a call.
type Form = Vec<(String, String)>;

impl Ec2 {
    pub(crate) fn open(
        settings: &Ec2Settings,
        farm: &str,
        boot: &Boot,
        now: &Now,
    ) -> Result<Self, OpenError> {
        let region = &settings.region;
        let api = format!("https://ec2.{region}.amazonaws.com/");
        let api = settings.endpoint.as_ref().unwrap_or(&api);
        let url = Url::parse(api).map_err(|error| OpenError::Client(format!("{api}: {error}")))?;
        Ok(Self {
            account: Account::new(region, settings.endpoint.is_some(), now),
            settings: settings.clone(),
            farm: farm.to_owned(),
            boot: boot.clone(),
            url,
            client: http::client(None)?,
        })
    }

    /// Asks for an action, in our name.
    async fn ask(&self, action: &str, parameters: Form) -> Result<Answer, String> {
        let mut form = vec![
            ("Action".to_owned(), action.to_owned()),
            ("Version".to_owned(), VERSION.to_owned()),
        ];
        form.extend(parameters);
        let request = self
            .client
            .post(self.url.clone())
            .header(
                CONTENT_TYPE,
                "application/x-www-form-urlencoded; charset=utf-8",
            )
            .body(encoded(&form));
        let mut request: Request = request.build().map_err(|error| error.to_string())?;
        self.account.sign("ec2", &mut request).await?;
        http::ask(reqwest::RequestBuilder::from_parts(
            self.client.clone(),
            request,
        ))
        .await
    }

    /// Machines with all of these tags, by name and value; `*` stands for any value.
    async fn tagged(&self, tags: &[(&str, &str)]) -> Result<Vec<Instance>, String> {
        let (mut all, mut token) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut form = filters(tags);
            form.push(("MaxResults".to_owned(), PAGE.to_owned()));
            form.extend(token.take().map(|token| ("NextToken".to_owned(), token)));
            let answer = self.ask("DescribeInstances", form).await?;
            if !answer.status.is_success() {
                return Err(answer.shown());
            }
            let page: Described = answer::read(&answer)?;
            token = page.next();
            all.extend(page.instances().filter(Instance::is_alive));
            if token.is_none() {
                return Ok(all);
            }
        }
        Err(format!("there are more than {PAGES} pages of machines"))
    }

    /// Ours of that name.
    async fn named(&self, name: &MachineName) -> Result<Vec<Instance>, String> {
        let tags = [("Name", name.as_str()), (FARM, &self.farm)];
        self.tagged(&tags).await
    }

    async fn make_in(&self, zone: &str, subnet: &str, make: &Make) -> Result<String, CreateError> {
        let form = run::form(
            make,
            vm(make)?,
            &self.settings,
            (zone, subnet),
            &self.farm,
            &self.boot,
        );
        let answer = self.ask("RunInstances", form).await.map_err(passing)?;
        if answer.status.is_success() {
            let ran: answer::Ran = answer::read(&answer).map_err(passing)?;
            let first = ran
                .first()
                .ok_or_else(|| passing("the answer names no machine"))?;
            return Ok(first.place());
        }
        let refusal = Refusal::of(&answer);
        // The same order was sent before, with another key: what came of it is there, or will be seen.
        if refusal.is_repeated() {
            return self.there(&make.order.machine).await;
        }
        Err(refusal.sorted(&answer))
    }

    async fn there(&self, name: &MachineName) -> Result<String, CreateError> {
        let there = self.named(name).await.map_err(passing)?;
        let first = there.first().map(Instance::place);
        first.ok_or_else(|| passing("it was asked for before, and is not seen yet"))
    }
}

impl MachinePool for Ec2 {
    type Order = Make;

    async fn create(&self, make: &Make) -> Result<String, CreateError> {
        // A token makes one machine of two calls in one zone; an earlier try may have made it in any.
        let there = self.named(&make.order.machine).await.map_err(passing)?;
        if let Some(there) = there.first() {
            return Ok(there.place());
        }
        let subnets: Vec<_> = self.settings.subnets.iter().collect();
        let mut errors = Vec::new();
        for (zone, subnet) in make.turns(&subnets) {
            match self.make_in(zone, subnet, make).await {
                Ok(place) => return Ok(place),
                Err(error) if is_of_the_place(error.cause) => errors.push(error),
                Err(error) => return Err(error),
            }
        }
        Err(best(errors))
    }

    async fn list(&self) -> Result<Vec<Found>, PoolError> {
        let all = self.tagged(&[(FARM, "*")]).await.map_err(PoolError)?;
        Ok(all.iter().filter_map(|one| one.found(&self.farm)).collect())
    }

    async fn delete(&self, name: &MachineName, place: Option<&str>) -> Result<(), PoolError> {
        let ours = self.named(name).await.map_err(PoolError)?;
        let ours = ours
            .iter()
            .filter(|one| place.is_none_or(|place| place == one.place()));
        let ids: Form = ours
            .enumerate()
            .map(|(index, one)| (format!("InstanceId.{}", index + 1), one.id().to_owned()))
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let answer = self
            .ask("TerminateInstances", ids)
            .await
            .map_err(PoolError)?;
        let gone = !answer.status.is_success() && Refusal::of(&answer).is_gone();
        match answer.status.is_success() || gone {
            true => Ok(()),
            false => Err(PoolError(answer.shown())),
        }
    }
}

fn filters(tags: &[(&str, &str)]) -> Form {
    let by_tag = tags.iter().map(|(name, value)| match *value {
        "*" => ("tag-key".to_owned(), vec![*name]),
        value => (format!("tag:{name}"), vec![value]),
    });
    let alive = ("instance-state-name".to_owned(), ALIVE.to_vec());
    let all = by_tag.chain([alive]).zip(1..);
    let form = all.flat_map(|((name, values), number)| {
        let values = values.into_iter().zip(1..);
        let values = values.map(move |(value, index)| {
            (format!("Filter.{number}.Value.{index}"), value.to_owned())
        });
        std::iter::once((format!("Filter.{number}.Name"), name)).chain(values)
    });
    form.collect()
}

/// As forms are sent; what is no letter or digit is written in hex.
fn encoded(form: &[(String, String)]) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = form
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// By the code of an error: "Error codes for the Amazon EC2 API".
fn cause(code: &str, is_passing: bool) -> NotMade {
    match code {
        "InsufficientInstanceCapacity"
        | "InsufficientHostCapacity"
        | "InsufficientCapacity"
        | "InsufficientFreeAddressesInSubnet"
        | "SpotMaxPriceTooLow" => NotMade::StockOut,
        "VcpuLimitExceeded"
        | "InstanceLimitExceeded"
        | "MaxSpotInstanceCountExceeded"
        | "VolumeLimitExceeded" => NotMade::Quota,
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "PendingVerification"
        | "RequestExpired"
        | "ExpiredToken"
        | "IdempotentInstanceTerminated" => NotMade::Passing,
        _ if is_passing => NotMade::Passing,
        _ => NotMade::Refused,
    }
}

#[cfg(test)]
mod tests;
