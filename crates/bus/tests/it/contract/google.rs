//! Google's emulator, or whatever server of the protocol `FARM_BUS_TEST_ENDPOINT` names. It stores filters and does not
//! apply them, sends more than a stream's limit, and lends messages to streams that have been closed: `strict_suite` is not
//! for it.

use std::path::PathBuf;

use tokio::sync::OnceCell;

use super::{World, common_suite, unique};
use crate::child::{self, Child};
use crate::process::free_address;

const PLACES: [&str; 2] = [
    "/usr/lib/google-cloud-sdk/platform/pubsub-emulator",
    "/opt/google-cloud-sdk/platform/pubsub-emulator",
];

async fn world() -> Option<World> {
    static SERVER: OnceCell<Option<(String, Option<Child>)>> = OnceCell::const_new();
    let (endpoint, _) = SERVER.get_or_init(server).await.as_ref()?;
    let url = format!("pubsub://{}?endpoint={endpoint}", unique());
    Some(World::new(url, ()))
}

async fn server() -> Option<(String, Option<Child>)> {
    if let Some(endpoint) = child::told("FARM_BUS_TEST_ENDPOINT") {
        return Some((endpoint, None));
    }
    let told = child::told("PUBSUB_EMULATOR_HOME").map(PathBuf::from);
    let mut places = told.into_iter().chain(PLACES.map(PathBuf::from));
    let program = places
        .find_map(|place| Some(place.join("bin/cloud-pubsub-emulator")).filter(|p| p.is_file()))
        .filter(|_| child::find("java").is_some());
    let Some(program) = program else {
        child::skipped("neither FARM_BUS_TEST_ENDPOINT, nor Google's emulator and java");
        return None;
    };
    let address = free_address().await;
    let port = format!("--port={}", address.port());
    let child = Child::start(&program, &["--host=127.0.0.1", &port], &[]);
    child::is_up(address).await;
    Some((format!("http://{address}"), Some(child)))
}

common_suite! {}
