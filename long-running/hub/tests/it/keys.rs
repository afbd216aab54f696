//! Keys that are renewed while their machine is connected.

use std::time::Duration;

use crate::harness::{Bench, PATIENCE};
use crate::machine::Connection;
use crate::peer::register;

const DAY: i64 = 24 * 3600;

impl Bench {
    fn with_key(&self, name: &str, key: &str) -> Connection {
        let work_dir = self.folder.path().join(format!("work-{name}"));
        Connection::with_key(self, name, &work_dir, key)
    }

    fn kept(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{name}.key"))).unwrap()
    }

    /// Seconds for which the key that the machine keeps is good, once it is another one than `old`.
    async fn renewed(&self, name: &str, old: &str) -> i64 {
        let renewed = async {
            while self.kept(name) == old {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, renewed).await.unwrap();
        self.key_ends(name, &self.kept(name)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_its_last_month_or_its_grace_is_renewed_for_a_year() {
    let mut b = Bench::start().await;
    for (name, days) in [("soon", 29), ("late", -29)] {
        let old = b.key_for(name, days * DAY);
        let machine = b.with_key(name, &old);
        b.told(name, None).await;
        let left = b.renewed(name, &old).await;
        assert!((364 * DAY..=365 * DAY).contains(&left), "{left}");
        // It comes back with the new one.
        machine.cut();
        b.gone(name).await;
        let _machine = b.with_key(name, &b.kept(name));
        b.told(name, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_lasts_is_not_renewed_and_one_past_its_grace_does_not_register() {
    let mut b = Bench::start().await;
    let lasting = b.key_for("m", 60 * DAY);
    let _machine = b.with_key("m", &lasting);
    b.told("m", None).await;
    // Another machine's renewal, behind it.
    let old = b.key_for("soon", DAY);
    let _soon = b.with_key("soon", &old);
    b.told("soon", None).await;
    b.renewed("soon", &old).await;
    assert_eq!(b.kept("m"), lasting);
    let ended = b.key_for("ended", -31 * DAY);
    let (status, text) = b.ask(&register("ended", "host-test", &ended)).await;
    assert_eq!(
        (status, text.as_str()),
        (412, "bad key for mode \"host-test\"\n")
    );
}
