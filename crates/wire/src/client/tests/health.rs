use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::client::{Client, Exec, TransportError};

const BEGUN: &str =
    "HTTP/1.1 200 OK\r\nTrailer: Process-State\r\nTransfer-Encoding: chunked\r\n\r\n";
const STATUS: &str = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"Version\":23}";

/// A client with a heartbeat, and what its callback was told.
fn watched(fake: &Fake) -> (Client, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let client = fake
        .client()
        .with_heartbeat(move |cause| tell.lock().push(cause.to_string()));
    (client, told)
}

async fn seconds_of<T>(future: impl Future<Output = T>) -> (u64, T) {
    let began = tokio::time::Instant::now();
    let done = future.await;
    (began.elapsed().as_secs(), done)
}

#[tokio::test(start_paused = true)]
async fn the_heart_beats_from_the_first_request_on_a_connection_of_its_own() {
    let fake = Fake::new();
    let (client, told) = watched(&fake);
    tokio::time::sleep(MINUTE).await;
    assert!(
        fake.is_left_alone(),
        "nothing is asked before the first request"
    );
    let command = Exec::new("a.sh", 10 * MINUTE);
    let (_busy, running) = tokio::join!(fake.serve(BEGUN), client.start(&command));
    let mut running = running.unwrap();
    let beats = async {
        let (after, (mut beat, ..)) = seconds_of(fake.serve(STATUS)).await;
        assert_eq!(after, 10);
        for _ in 0..20 {
            let (after, _) = seconds_of(beat.request()).await;
            assert_eq!(after, 10);
            beat.say(STATUS).await;
        }
    };
    tokio::select! {
        end = running.next() => panic!("{end:?}"),
        () = beats => {}
    }
    assert!(!client.is_broken() && told.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn three_failures_in_a_row_are_death_and_everything_waiting_ends() {
    let fake = Fake::new();
    let (client, told) = watched(&fake);
    let command = Exec::new("a.sh", 10 * MINUTE);
    let (_busy, running) = tokio::join!(fake.serve(BEGUN), client.start(&command));
    let mut running = running.unwrap();
    let silent = async {
        let mut open = Vec::new();
        loop {
            open.push(fake.accept().await);
        }
    };
    let transfer = client.get_tar("x");
    let waiting = async { tokio::join!(running.next(), transfer, client.died()) };
    let (after, (end, transfer, cause)) = tokio::select! {
        () = silent => unreachable!(),
        ended = seconds_of(waiting) => ended,
    };
    assert_eq!(after, 3 * (10 + 10));
    for error in [end.unwrap_err(), transfer.unwrap_err(), cause] {
        assert_eq!(
            error.to_string(),
            "the buildlet is dead: the buildlet did not answer in time"
        );
    }
    assert!(client.is_broken());
    assert_eq!(*told.lock(), ["the buildlet did not answer in time"]);
    // Nothing is asked of the dead.
    assert!(matches!(
        client.status().await,
        Err(TransportError::Dead(_))
    ));
    assert!(matches!(
        client.start(&command).await,
        Err(TransportError::Dead(_))
    ));
    client.close().await;
    assert_eq!(told.lock().len(), 1, "told once");
}

#[tokio::test(start_paused = true)]
async fn a_success_resets_the_count() {
    let fake = Fake::new();
    let (client, told) = watched(&fake);
    let command = Exec::new("a.sh", 10 * MINUTE);
    let (_busy, _running) = tokio::join!(fake.serve(BEGUN), client.start(&command));
    for _ in 0..5 {
        drop(fake.accept().await);
        let (mut beat, ..) = fake.serve(STATUS).await;
        // Two failures, of which the first is the connection's that was kept.
        beat.request().await;
    }
    assert!(!client.is_broken() && told.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_beside_the_work_reports_death() {
    let fake = Fake::new();
    let client = fake.client();
    let refusing = async {
        loop {
            drop(fake.accept().await);
        }
    };
    let (after, cause) = tokio::select! {
        () = refusing => unreachable!(),
        cause = seconds_of(client.heartbeat()) => cause,
    };
    assert_eq!(after, 30);
    assert!(matches!(cause, TransportError::Dead(_)) && client.is_broken());
}

#[tokio::test]
async fn broken_ends_transfers_and_no_command() {
    let fake = Fake::new();
    let client = fake.client();
    let command = Exec::new("a.sh", MINUTE);
    let (served, running) = tokio::join!(fake.serve(BEGUN), client.start(&command));
    let (mut command_side, mut running) = (served.0, running.unwrap());
    let put = client.put_tar(tokio::io::empty(), "", |_| {});
    let give_up = async {
        let open = fake.accept().await;
        client.mark_broken();
        open
    };
    let (_open, put) = tokio::join!(give_up, put);
    assert!(matches!(put, Err(TransportError::Broken)), "{put:?}");
    assert!(matches!(
        client.remove_all(&["."]).await,
        Err(TransportError::Broken)
    ));
    command_side
        .say("2\r\nhi\r\n0\r\nProcess-State: ok\r\n\r\n")
        .await;
    assert_eq!(running.next().await.unwrap().unwrap(), "hi");
    assert_eq!(running.next().await.unwrap(), None);
    assert_eq!(running.finish().unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn closing_asks_once_waits_two_seconds_and_is_death() {
    let fake = Fake::new();
    let (client, told) = watched(&fake);
    let (served, (after, ())) = tokio::join!(fake.serve(""), seconds_of(client.close()));
    assert!(served.1.starts_with("POST /halt "), "{}", served.1);
    assert_eq!(after, 2);
    assert_eq!(*told.lock(), ["client closed"]);
    client.clone().close().await;
    assert!(fake.is_left_alone(), "once only");
    let error = client.status().await.unwrap_err();
    assert_eq!(error.to_string(), "the buildlet is dead: client closed");
    assert_eq!(told.lock().len(), 1);
}

#[tokio::test]
async fn closing_ends_what_waits() {
    let fake = Fake::new();
    let client = fake.client();
    let command = Exec::new("a.sh", MINUTE);
    let (served, running) = tokio::join!(fake.serve(BEGUN), client.start(&command));
    let mut running = running.unwrap();
    let (_, end, ()) = tokio::join!(fake.serve(ok("")), running.next(), client.close());
    assert!(matches!(end, Err(TransportError::Dead(_))), "{end:?}");
    drop(running);
    let mut command_side = served.0;
    command_side.closed().await;
}

#[tokio::test]
async fn the_last_handle_takes_all_connections_with_it() {
    let fake = Fake::new();
    let (client, told) = watched(&fake);
    let (served, status) = tokio::join!(fake.serve(STATUS), client.status());
    status.unwrap();
    let mut idle = served.0;
    drop(client);
    idle.closed().await;
    assert!(told.lock().is_empty());
}
