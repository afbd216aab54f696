//! Our emulator does all that the cases ask of a server.

use farm_pubsub_emulator::{Emulator, Options};
use pubsub_conformance::{Clients, Outcome, all};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn our_emulator_passes_every_case() {
    let emulator = Emulator::open(Options::default()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut serving = JoinSet::new();
    serving.spawn(async move { emulator.serve(listener, std::future::pending()).await });

    let clients = Clients::connect(&url).await.unwrap();
    let mut running = JoinSet::new();
    for (n, case) in all().enumerate() {
        running.spawn(case.outcome(clients.clone(), format!("case-{n}")));
    }
    let outcomes = running.join_all().await;
    assert!(outcomes.len() >= 30, "{} cases", outcomes.len());
    let told = |bad: &Outcome| format!("{}: {} ({})", bad.case, bad.detail, bad.doc);
    let failed: Vec<_> = outcomes.iter().filter(|one| !one.ok).map(told).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
