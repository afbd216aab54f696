//! Machines of clouds, against a stand-in of Compute Engine.

use axum::body::Body;
use axum::http::Request;
use farm_bucket::folder_url;
use farm_cloud_emulator::Bound;
use farm_cloud_emulator::gce::{Gce, Knobs, Options, Stock, endpoint};
use farm_model::Timestamp;
use farm_model::config::Vm;
use farm_model::event::{Event, Message, Topic};
use farm_model::message::progress::{OrderEvent, OrderProgress};
use farm_model::message::result::{MachineUnwanted, MachineWanted};
use farm_model::order::{MachineOrder, MachineSpec, NotMade, OrderStand};
use farm_model::view::{OrderLine, PoolsView, key};
use farm_runtime::{Clock, event};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::harness::{Function, Listener, Queue};

const ZONES: [&str; 2] = ["zone-a", "zone-b"];

struct Bench {
    function: Function,
    listener: Listener,
    url: String,
    http: reqwest::Client,
    _queue: Queue,
    _serving: JoinSet<()>,
    _machines: TempDir,
}

async fn bench(most: u32, knobs: Knobs) -> Bench {
    let machines = tempfile::tempdir().unwrap();
    let mut options = Options::new(machines.path().join("machines"), &ZONES);
    options
        .zones
        .values_mut()
        .for_each(|zone| *zone = knobs.clone());
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = endpoint(bound.address);
    let (mut serving, served) = (JoinSet::new(), Gce::new(options));
    serving.spawn(async move { served.serve(bound, std::future::pending()).await.unwrap() });
    let pools = json!({
        "farm": "example", "hub": "127.0.0.1:9", "buildlet": "http://127.0.0.1:9/{buildlet}",
        "pools": { "vms": { "kind": "gce", "most": most, "project": "p", "zones": ZONES, "endpoint": url } },
    });
    let (queue, listener) = Queue::with(Topic::Progress).await;
    let settings = |vars: farm_runtime::Vars| vars.with("FARM_POOLS", &pools.to_string());
    Bench {
        function: Function::start_with("provision", Some(&queue), settings),
        listener,

        url,
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        _queue: queue,
        _serving: serving,
        _machines: machines,
    }
}

fn ago(seconds: i64) -> Timestamp {
    let ago = SignedDuration::from_secs(seconds);
    Clock::system().now().checked_sub(ago).unwrap()
}

fn order(name: &str) -> MachineOrder {
    MachineOrder {
        machine: name.parse().unwrap(),
        host_type: "host-linux".parse().unwrap(),
        pool: "vms".parse().unwrap(),
        spec: MachineSpec::Vm(Vm {
            image: "debian".to_owned(),
            machine: "n1-standard-4".to_owned(),
            buildlet: "linux-amd64".to_owned(),
            min_cpu: None,
        }),
        spot: false,
        labels: ["gpu".to_owned()].into(),
        at: ago(5),
        until: ago(-3600),
        attempt: 1,
    }
}

fn wanted(order: &MachineOrder, said: Timestamp) -> Event {
    let order = order.clone();
    event_of(&MachineWanted { order }, said)
}

fn event_of(message: &impl Message, said: Timestamp) -> Event {
    Event::of("wanted".to_owned(), "/coordinator", said, message).unwrap()
}

impl Bench {
    async fn push(&self, event: &Event) -> u16 {
        let request = Request::post("/provision")
            .header("content-type", "application/cloudevents+json")
            .body(Body::from(event::structured_json(event).unwrap()));
        self.function.ask(request.unwrap()).await.status.as_u16()
    }

    async fn tick(&self) -> u16 {
        let request = Request::post("/provision/tick").body(Body::empty());
        self.function.ask(request.unwrap()).await.status.as_u16()
    }

    async fn orders(&self, made: Timestamp, orders: &[(&MachineOrder, OrderStand, Timestamp)]) {
        let line = |(order, stand, since): &(&MachineOrder, OrderStand, Timestamp)| OrderLine {
            order: (*order).clone(),
            stand: stand.clone(),
            since: *since,
        };
        let orders = orders.iter().map(line).collect();
        self.function
            .put_view(key::POOLS, &PoolsView { made, orders })
            .await;
    }

    /// What is told next: the event's id, and what happened.
    async fn told(&mut self) -> (String, OrderEvent) {
        let event = self.listener.next().await;
        let progress: OrderProgress = event.decode().unwrap();
        (event.id, progress.what)
    }

    /// Machines of both zones that are not being deleted, by name.
    async fn machines(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for zone in ZONES {
            let url = format!("{}/projects/p/zones/{zone}/instances", self.url);
            let list: Value = self
                .http
                .get(url)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            let items = list["items"].as_array().cloned().unwrap_or_default();
            all.extend(items.into_iter().filter(|one| one["status"] != "STOPPING"));
        }
        all
    }

    /// A machine that somebody made by hand.
    async fn insert(&self, name: &str, labels: Value) {
        let body = json!({
            "name": name, "machineType": "zones/zone-a/machineTypes/n1-standard-1", "labels": labels,
            "disks": [{ "boot": true, "initializeParams": { "sourceImage": "projects/p/global/images/x" } }],
            "networkInterfaces": [{ "network": "global/networks/default" }],
        });
        let url = format!("{}/projects/p/zones/zone-a/instances", self.url);
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    }
}

fn names(machines: &[Value]) -> Vec<&str> {
    machines
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn without_pools_there_is_nothing_to_do() {
    let (queue, mut listener) = Queue::with(Topic::Progress).await;
    let function = Function::start("provision", Some(&queue));
    let event = event::structured_json(&wanted(&order("m1"), ago(0))).unwrap();
    for path in ["/provision", "/provision/tick"] {
        let request = Request::post(path)
            .header("content-type", "application/cloudevents+json")
            .body(Body::from(event.clone()));
        function.ask(request.unwrap()).await.of(204);
    }
    listener.has_nothing().await;
}

#[tokio::test]
async fn a_machine_that_is_wanted_is_made_once_with_a_key_for_once_and_told() {
    let mut b = bench(9, Knobs::default()).await;
    let order = order("linux-rn1");
    for _ in 0..3 {
        assert_eq!(b.push(&wanted(&order, ago(0))).await, 204);
        let (id, what) = b.told().await;
        assert_eq!(id, "order:linux-rn1:1:made");
        let OrderEvent::Made { place } = what else {
            panic!("{what:?}")
        };
        assert!(ZONES.contains(&place.as_str()), "{place}");
    }
    let machines = b.machines().await;
    assert_eq!(names(&machines), ["linux-rn1"]);
    assert_eq!(
        machines[0]["labels"]["delete-at"],
        order.until.as_second().to_string()
    );
    let record = b.function.bucket.get_machine(&order.machine).await.unwrap();
    let record = record.unwrap().record;
    assert!(
        record.is_unused() && record.in_time(ago(0)).is_ok(),
        "{record:?}"
    );
    let once = record.once.unwrap();
    // The label has whole seconds; the record knows better.
    assert_eq!(once.until, order.until);
    assert_eq!(record.labels, order.labels, "hubs read them from there");
    let script = machines[0]["metadata"].to_string();
    assert!(script.contains("fm1.host-linux.linux-rn1."), "{script}");
}

#[tokio::test]
async fn what_cannot_be_made_is_told_with_what_to_do() {
    let none = Knobs {
        stock: Stock::Exhausted,
        ..Knobs::default()
    };
    let mut b = bench(9, none).await;
    assert_eq!(b.push(&wanted(&order("m1"), ago(0))).await, 204);
    let (id, what) = b.told().await;
    assert_eq!(id, "order:m1:1:failed");
    assert!(
        matches!(
            what,
            OrderEvent::Failed {
                cause: NotMade::StockOut,
                ..
            }
        ),
        "{what:?}"
    );
    let mut elsewhere = order("m2");
    elsewhere.pool = "mars".parse().unwrap();
    assert_eq!(b.push(&wanted(&elsewhere, ago(0))).await, 204);
    let (_, what) = b.told().await;
    let OrderEvent::Failed { cause, reason } = what else {
        panic!("{what:?}")
    };
    assert_eq!(
        (cause, reason.as_str()),
        (NotMade::Refused, "FARM_POOLS has no pool mars")
    );
    assert_eq!(b.machines().await.len(), 0);
}

#[tokio::test]
async fn a_pool_has_no_more_than_its_settings_say() {
    let mut b = bench(1, Knobs::default()).await;
    b.insert("theirs", json!({ "farmhand-farm": "other" }))
        .await;
    b.push(&wanted(&order("m1"), ago(0))).await;
    assert!(matches!(b.told().await.1, OrderEvent::Made { .. }));
    b.push(&wanted(&order("m2"), ago(0))).await;
    let (_, what) = b.told().await;
    assert!(
        matches!(
            what,
            OrderEvent::Failed {
                cause: NotMade::Quota,
                ..
            }
        ),
        "{what:?}"
    );
}

#[tokio::test]
async fn an_order_that_is_over_is_not_made() {
    let mut b = bench(9, Knobs::default()).await;
    let mut over = order("m1");
    over.until = ago(1);
    assert_eq!(b.push(&wanted(&over, ago(0))).await, 204);
    // It stands nowhere, and was said long ago.
    assert_eq!(b.push(&wanted(&order("m2"), ago(700))).await, 204);
    let ending = OrderStand::Ending {
        reason: "idle".to_owned(),
    };
    let ends = order("m3");
    b.orders(ago(0), &[(&ends, ending, ago(5))]).await;
    assert_eq!(b.push(&wanted(&ends, ago(0))).await, 204);
    assert_eq!(b.machines().await.len(), 0);
    b.listener.has_nothing().await;
}

#[tokio::test]
async fn a_name_that_an_operators_machine_has_is_not_taken() {
    let mut b = bench(9, Knobs::default()).await;
    let record = json!({
        "name": "attic", "host_type": "host-linux", "key_id": "0123456789abcdef",
        "created": ago(9), "issued": ago(9), "expires": ago(-999),
    });
    let record = serde_json::from_value(record).unwrap();
    b.function.bucket.put_machine(&record, None).await.unwrap();
    b.push(&wanted(&order("attic"), ago(0))).await;
    let (_, what) = b.told().await;
    assert!(
        matches!(
            what,
            OrderEvent::Failed {
                cause: NotMade::Refused,
                ..
            }
        ),
        "{what:?}"
    );
    assert_eq!(b.machines().await.len(), 0);
}

#[tokio::test]
async fn a_machine_that_is_unwanted_goes_and_is_told_as_gone_by_the_next_pass() {
    let mut b = bench(9, Knobs::default()).await;
    let order = order("m1");
    b.push(&wanted(&order, ago(0))).await;
    b.told().await;
    let unwanted = MachineUnwanted {
        machine: order.machine.clone(),
        pool: order.pool.clone(),
        host_type: order.host_type.clone(),
        reason: "no work for it".to_owned(),
    };
    assert_eq!(b.push(&event_of(&unwanted, ago(0))).await, 204);
    let ending = OrderStand::Ending {
        reason: unwanted.reason,
    };
    b.orders(ago(0), &[(&order, ending, ago(1))]).await;
    // It takes the cloud a moment, and whoever looks meanwhile deletes it again, which is no harm.
    let gone = async {
        loop {
            assert_eq!(b.tick().await, 204);
            if b.machines().await.is_empty() {
                return b.told().await;
            }
        }
    };
    let (id, what) = tokio::time::timeout(std::time::Duration::from_secs(30), gone)
        .await
        .unwrap();
    assert_eq!(id, "order:m1:1:gone");
    assert!(matches!(what, OrderEvent::Gone { .. }), "{what:?}");
}

#[tokio::test]
async fn a_pass_makes_what_an_event_should_have_and_deletes_what_no_order_explains() {
    let mut b = bench(9, Knobs::default()).await;
    b.insert("lost", json!({ "farmhand-farm": "example" }))
        .await;
    b.insert("theirs", json!({ "farmhand-farm": "other" }))
        .await;
    b.insert("plain", json!({})).await;
    // Without orders nobody knows what is wanted.
    assert_eq!(b.tick().await, 204);
    assert_eq!(b.machines().await.len(), 3);
    // The orders of a moment ago may not have it yet.
    b.orders(ago(0), &[]).await;
    assert_eq!(b.tick().await, 204);
    assert_eq!(b.machines().await.len(), 3);
    let order = order("m1");
    b.orders(ago(-200), &[(&order, OrderStand::Wanted, ago(100))])
        .await;
    assert_eq!(b.tick().await, 204);
    let (id, what) = b.told().await;
    assert_eq!(id, "order:m1:1:made");
    assert!(matches!(what, OrderEvent::Made { .. }), "{what:?}");
    let machines = b.machines().await;
    let mut left = names(&machines);
    left.sort_unstable();
    assert_eq!(left, ["m1", "plain", "theirs"]);
}

#[tokio::test]
async fn what_says_itself_that_its_time_is_over_goes_even_without_orders() {
    let b = bench(9, Knobs::default()).await;
    let over = ago(1).as_second().to_string();
    b.insert(
        "over",
        json!({ "farmhand-farm": "example", "delete-at": over }),
    )
    .await;
    b.insert(
        "theirs",
        json!({ "farmhand-farm": "other", "delete-at": "1" }),
    )
    .await;
    assert_eq!(b.tick().await, 204);
    assert_eq!(names(&b.machines().await), ["theirs"]);
}

#[tokio::test]
async fn a_cloud_that_does_not_answer_is_asked_again() {
    let mut b = bench(9, Knobs::default()).await;
    b._serving.shutdown().await;
    assert_eq!(b.push(&wanted(&order("m1"), ago(0))).await, 503);
    assert_eq!(b.tick().await, 503);
    b.listener.has_nothing().await;
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let vars = farm_runtime::Vars::default()
        .with("FARM_BUCKET", &folder_url(folder.path()).unwrap())
        .with("FARM_BUS", "pubsub://test?endpoint=http://127.0.0.1:1")
        .with("FARM_MACHINE_KEY", "machines")
        .with(
            "FARM_POOLS",
            r#"{"farm":"Example","hub":"h:1","buildlet":"http://b","pools":{}}"#,
        );
    let error = functions::router("provision", &vars).unwrap_err();
    assert!(
        format!("{error:#}").contains("FARM_POOLS: farm: "),
        "{error:#}"
    );
}
