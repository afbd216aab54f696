use axum::body::Body;
use axum::http::{Request, StatusCode};
use farm_model::view::{DeadStatus, Role, StatusView, SweepStatus, SweptArea};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::status::tests::{full, leading, told};

const EVIL: &str = "<script>alert(\"&'1\")</script>";

/// Its status, and what it says.
async fn get_of(board: &Board, path: &str) -> (StatusCode, String) {
    let router = router(board, &Counts::default());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_leader_shows_what_it_knows() {
    let (board, clock) = leading();
    board.put_up(told(full(clock.now())));
    let (_, html) = get_of(&board, "/status").await;
    assert!(html.contains("not looked yet"), "{html}");
    board.swept(SweepStatus {
        at: clock.now(),
        areas: vec![SweptArea {
            area: "logs".to_owned(),
            objects: 54_321,
            bytes: 7_654_321_000,
        }],
        error: None,
    });
    let (status, html) = get_of(&board, "/status").await;
    assert_eq!(status, StatusCode::OK);
    for said in [
        "54,321",
        "7,654 MB since it leads",
        "looked 0 s ago",
        "leading",
        "in epoch 7",
        "12 min 34 s",
        "1,229",
        "draining",
        "1 d 1 h",
    ] {
        assert!(html.contains(said), "{said}: {html}");
    }
    let (_, json) = get_of(&board, "/status.json").await;
    let view: StatusView = serde_json::from_str(&json).unwrap();
    assert_eq!(view, board.view());
    assert_eq!(
        get_of(&board, "/healthz").await,
        (StatusCode::OK, "leading\n".to_owned())
    );
    assert!(
        get_of(&board, "/metrics")
            .await
            .1
            .contains("farm_coordinator_leader 1")
    );
    assert_eq!(get_of(&board, "/etc").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_does_not_lead_says_so() {
    let board = Board::new(farm_runtime::Clock::manual(
        farm_model::Timestamp::UNIX_EPOCH,
    ));
    let (status, text) = get_of(&board, "/healthz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("starting"), "{text}");
    board.becomes(Role::Standby, 0);
    assert_eq!(
        get_of(&board, "/healthz").await,
        (StatusCode::OK, "standby\n".to_owned())
    );
    let (_, html) = get_of(&board, "/status").await;
    assert!(html.contains("does not lead"), "{html}");
}

#[tokio::test]
async fn what_others_say_is_text() {
    let (board, clock) = leading();
    let mut farm = full(clock.now());
    farm.name = EVIL.to_owned();
    farm.troubles = vec![EVIL.to_owned()];
    farm.intake[0].source = EVIL.to_owned();
    board.put_up(told(farm));
    let reason = Some(EVIL.to_owned());
    board.dead("commands-coordinator", DeadStatus { count: 1, reason });
    let (_, html) = get_of(&board, "/status").await;
    assert!(!html.contains("<script"), "{html}");
    assert_eq!(html.matches("&#60;script&#62;").count(), 5, "{html}");
    assert!(!page::STYLE.contains("</"));
}

#[tokio::test]
async fn a_page_has_a_bounded_size_and_says_how_many_more_there_are() {
    let (board, clock) = leading();
    let mut farm = full(clock.now());
    let one = farm.queues.remove(0);
    farm.queues = (0..5_000)
        .map(|number| {
            let mut queue = one.clone();
            queue.host_type = format!("host-{number}").parse().unwrap();
            queue
        })
        .collect();
    board.put_up(told(farm));
    let (_, html) = get_of(&board, "/status").await;
    assert!(html.contains("and 4800 more host types"), "{html}");
    assert!(html.len() < 200_000, "{}", html.len());
}
