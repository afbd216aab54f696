//! A stand-in for EC2: MiniStack, where it is on PATH or `FARM_MINISTACK` names it. What it does not show: delays, zones, pages of
//! long lists, tokens of calls, and machines that run. It refuses nothing for the want of machines or quota: what these
//! refusals are sorted into, unit tests hold.

use std::net::SocketAddr;
use std::path::PathBuf;

use farm_core::pool::{Found, MachinePool, Mark};
use farm_model::Timestamp;
use farm_model::config::Vm;
use farm_model::order::{MachineOrder, MachineSpec};
use farm_pool::{Make, Pool, Pools, Settings};
use serde_json::json;

use crate::child::{self, Child};

/// A stand-in, as long as it is held.
struct World {
    address: SocketAddr,
    _child: Child,
}

async fn world() -> Option<World> {
    let told = child::told("FARM_MINISTACK").map(PathBuf::from);
    let Some(program) = told.or_else(|| child::find("ministack")) else {
        child::skipped("neither FARM_MINISTACK nor PATH names MiniStack (pip install ministack)");
        return None;
    };
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let port = address.port().to_string();
    let settings = [
        ("GATEWAY_PORT", port.as_str()),
        ("BIND_HOST", "127.0.0.1"),
        ("SERVICES", "ec2,sts"),
        ("LOG_LEVEL", "WARNING"),
    ];
    let child = Child::start(&program, &[], &settings);
    child::is_up(address).await;
    Some(World {
        address,
        _child: child,
    })
}

impl World {
    /// All machines that there were of late, as the API has them. It says of each that it is in the first zone, whatever its
    /// subnet.
    async fn described(&self) -> String {
        let url = format!(
            "http://{}/?Action=DescribeInstances&Version=2016-11-15",
            self.address
        );
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.get(url).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// The pool of a farm, in zones of the network that every account has.
    fn pools(&self, farm: &str) -> Pools {
        let settings = json!({
            "farm": farm, "hub": "hub.example.org:443", "buildlet": "https://example.org/{buildlet}",
            "pools": { "vms": {
                "kind": "ec2", "most": 9, "region": "us-east-1", "endpoint": format!("http://{}", self.address),
                "subnets": { "us-east-1a": "subnet-00000001", "us-east-1b": "subnet-00000002" },
            } },
        });
        let settings = Settings::read(&settings.to_string()).unwrap();
        Pools::open(&settings, now).unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "signatures are looked at by the time"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn vms(pools: &Pools) -> &Pool {
    pools.get(&"vms".parse().unwrap()).unwrap()
}

fn make(name: &str, attempt: u32) -> Make {
    let at = Timestamp::from_second(1_000).unwrap();
    Make {
        order: MachineOrder {
            machine: name.parse().unwrap(),
            host_type: "host-linux".parse().unwrap(),
            pool: "vms".parse().unwrap(),
            spec: MachineSpec::Vm(Vm {
                image: "ami-12345678".to_owned(),
                machine: "m7i.large".to_owned(),
                buildlet: "linux-amd64".to_owned(),
                min_cpu: None,
            }),
            spot: true,
            labels: [].into(),
            at,
            until: Timestamp::from_second(4_600).unwrap(),
            attempt,
        },
        key: format!("key-{attempt}"),
        now: at,
    }
}

fn names(found: &[Found]) -> Vec<(&str, Mark)> {
    let mut names: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.mark))
        .collect();
    names.sort_unstable_by_key(|(name, _)| *name);
    names
}

#[tokio::test]
async fn the_same_order_again_is_one_machine_in_one_zone_and_goes_when_it_is_deleted() {
    let Some(world) = world().await else { return };
    let pools = world.pools("example");
    let pool = vms(&pools);
    let place = pool.create(&make("m1", 1)).await.unwrap();
    let (zone, id) = place.split_once('/').unwrap();
    assert!(
        ["us-east-1a", "us-east-1b"].contains(&zone) && id.starts_with("i-"),
        "{place}"
    );
    for attempt in 1..4 {
        assert_eq!(pool.create(&make("m1", attempt)).await.as_ref(), Ok(&place));
    }
    let there = pool.list().await.unwrap();
    let [found] = &there[..] else {
        panic!("{there:?}")
    };
    assert_eq!((found.place.as_str(), found.ended), (place.as_str(), false));
    assert_eq!(found.until.unwrap().as_second(), 4_600);
    pool.delete(&found.name, Some("us-east-1a/i-00000000000000000"))
        .await
        .unwrap();
    assert_eq!(pool.list().await.unwrap().len(), 1, "that is another one");
    for _ in 0..2 {
        pool.delete(&found.name, None).await.unwrap();
        assert_eq!(pool.list().await.unwrap(), []);
    }
}

#[tokio::test]
async fn tries_begin_in_one_zone_and_in_another() {
    let Some(world) = world().await else { return };
    let pools = world.pools("example");
    let pool = vms(&pools);
    for attempt in 1..3 {
        pool.create(&make("m1", attempt)).await.unwrap();
        pool.delete(&"m1".parse().unwrap(), None).await.unwrap();
    }
    let all = world.described().await;
    for subnet in ["subnet-00000001", "subnet-00000002"] {
        assert!(all.contains(subnet), "{subnet}: {all}");
    }
}

#[tokio::test]
async fn machines_of_another_farm_are_seen_and_left_alone() {
    let Some(world) = world().await else { return };
    let (ours, theirs) = (world.pools("example"), world.pools("other"));
    let (ours, theirs) = (vms(&ours), vms(&theirs));
    ours.create(&make("m1", 1)).await.unwrap();
    theirs.create(&make("m2", 1)).await.unwrap();
    let there = ours.list().await.unwrap();
    assert_eq!(names(&there), [("m1", Mark::Ours), ("m2", Mark::Foreign)]);
    for machine in there {
        ours.delete(&machine.name, Some(&machine.place))
            .await
            .unwrap();
    }
    let left = theirs.list().await.unwrap();
    assert_eq!(names(&left), [("m2", Mark::Ours)]);
}
