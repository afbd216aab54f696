//! Machines that are ordered: what a coordinator shows of them, and what it hears.

use std::path::PathBuf;
use std::time::Instant;

use farm_bus::Bus;
use farm_model::event::{Event, Topic};
use farm_model::message::progress::{OrderEvent, OrderProgress};
use farm_model::order::OrderStand;
use farm_model::view::{OrderLine, PoolsView, key};

use super::{PATIENCE, Room, file};

const CONFIG: &str = r#"
name = "t"
[hosts.vm]
vm = { image = "debian", machine = "m7i.large", buildlet = "linux-amd64" }
[hosts.vm.pool]
name = "vms"
most = 1
fewest = 1
[builders.linux-test]
host = "vm"
steps = [{ name = "test", argv = ["true"] }]
"#;

/// The one order, once it stands as it should.
async fn order(room: &Room, as_wanted: fn(&OrderStand) -> bool) -> OrderLine {
    let path: PathBuf = room.path().join("bucket/views").join(key::POOLS);
    let look = move || {
        let start = Instant::now();
        loop {
            let view = std::fs::read(&path).unwrap_or_default();
            let view = serde_json::from_slice::<PoolsView>(&view);
            if let Some([line]) = view.as_ref().ok().map(|view| &view.orders[..])
                && as_wanted(&line.stand)
            {
                return line.clone();
            }
            assert!(start.elapsed() < PATIENCE, "there is {view:?}");
            std::thread::yield_now();
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_shown_moves_on_as_it_is_told_and_outlives_its_leader() {
    let room = Room::new().await;
    std::fs::write(room.path().join("farm.toml"), CONFIG).unwrap();
    let state = file(&room, "state.db");
    let mut first = room.start("first", &state);
    first.leads(true).await;
    let line = order(&room, |stand| *stand == OrderStand::Wanted).await;
    let progress = OrderProgress {
        machine: line.order.machine.clone(),
        pool: line.order.pool.clone(),
        attempt: line.order.attempt,
        at: line.order.at,
        what: OrderEvent::Made {
            place: "zone-a".to_owned(),
        },
    };
    let event = Event::of("made".to_owned(), "/test", line.order.at, &progress).unwrap();
    let url = format!("pubsub://farm?endpoint={}", room.endpoint);
    let bus = Bus::open(&url.parse().unwrap()).unwrap();
    bus.publish(Topic::Progress, &event).await.unwrap();
    let is_made = |stand: &OrderStand| matches!(stand, OrderStand::Made { .. });
    let made = order(&room, is_made).await;
    assert_eq!(made.order, line.order);
    first.end().await;

    std::fs::remove_dir_all(room.path().join("bucket/views")).unwrap();
    let mut second = room.start("second", &state);
    second.leads(true).await;
    assert_eq!(order(&room, is_made).await, made);
    second.end().await;
}
