//! Finding work without webhooks.

use farm_harness::{Farm, SHELL, until};
use farm_model::view::{FarmView, Status};

use crate::binary;

/// Each source is read twice a second, and after failures every five seconds.
const OFTEN: [(&str, &str); 1] = [("FARM_POLL", "0.5")];

#[tokio::test]
async fn a_push_whose_webhook_is_lost_is_built_all_the_same() {
    let mut farm = Farm::start_in(binary(), SHELL, "echo one", &OFTEN).await;
    farm.over(&farm.repository.head()).await;
    let second = farm.repository.commit("second", "echo two");
    assert_eq!(farm.over(&second).await.status, Status::Ok);
    farm.results(2).await;
    farm.end().await;
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_is_shown_and_read_again_once_it_can_be() {
    let mut farm = Farm::start_in(binary(), SHELL, "echo one", &OFTEN).await;
    farm.over(&farm.repository.head()).await;
    let (place, away) = (farm.repository.path.clone(), farm.path("away"));
    std::fs::rename(&place, &away).unwrap();
    let troubles = async |wanted: bool| {
        until("the trouble", async || {
            let view: FarmView = farm.json("/api/farm").await?;
            let mut all = view.troubles.iter();
            let shown = all.any(|text| text.starts_with("source demo: "));
            if shown == wanted {
                Ok(())
            } else {
                Err(format!("{:?}", view.troubles))
            }
        })
        .await;
    };
    troubles(true).await;
    std::fs::rename(&away, &place).unwrap();
    troubles(false).await;
    let second = farm.repository.commit("second", "echo two");
    assert_eq!(farm.over(&second).await.status, Status::Ok);
    farm.results(2).await;
    farm.end().await;
}
