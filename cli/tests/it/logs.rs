use crate::farm::{DONE, Farm, LINT, Look, RUNNING, WAITING};
use crate::typed::{Ran, farm, farm_unread};

async fn logs(server: &Farm, words: &[&str]) -> Ran {
    let mut all = vec!["logs", "--server", &server.url];
    all.extend(words);
    farm(&all).await
}

#[tokio::test]
async fn a_build_is_found_by_any_of_its_names() {
    let server = Farm::with(&[DONE]).await;
    server.log("1/1", "one\ntwo\n");
    let attempt = format!("{LINT}/1/steps/1");
    for name in [LINT, "3f2a", "lint@5b0c9d1e", &attempt] {
        let out = logs(&server, &[name]).await.printed();
        assert_eq!(out, "one\ntwo\n", "{name}");
    }
    let error = logs(&server, &["abcd"]).await.failure();
    assert!(error.contains("farm builds"), "{error}");
    let error = logs(&server, &[&"e".repeat(32)]).await.failure();
    assert!(error.contains("knows no build"), "{error}");
}

#[tokio::test]
async fn the_newest_attempt_is_shown() {
    let look = Look {
        attempts: &["gone", "finished"],
        ..DONE
    };
    let server = Farm::with(&[look]).await;
    server.log("1/1", "lost");
    server.log("1/2", "second");
    assert_eq!(logs(&server, &[LINT]).await.printed(), "second");
    let first = format!("{LINT}/1/steps/1");
    assert_eq!(logs(&server, &[&first]).await.printed(), "lost");
}

#[tokio::test]
async fn a_build_that_is_not_over_is_told_so() {
    let server = Farm::with(&[WAITING]).await;
    let error = logs(&server, &[LINT]).await.failure();
    assert!(
        error.contains("waits for a machine of local") && error.contains("--follow"),
        "{error}"
    );

    let server = Farm::with(&[RUNNING]).await;
    let error = logs(&server, &[LINT]).await.failure();
    assert!(
        error.contains("no log") && error.contains("--follow"),
        "{error}"
    );
    server.log("1/1", "so far");
    let ran = logs(&server, &[LINT]).await;
    assert!(ran.err.contains("lint is not over"), "{}", ran.err);
    assert_eq!(ran.printed(), "so far");
}

#[tokio::test]
async fn a_log_without_a_byte_is_told_from_none() {
    let server = Farm::with(&[DONE]).await;
    for words in [&[LINT][..], &[LINT, "-f"]] {
        let ran = logs(&server, words).await;
        let want = format!("the log of {LINT}/1/steps/1 is empty\n");
        assert_eq!(ran.err, want, "{words:?}");
        assert_eq!(ran.printed(), "");
    }
    let wrong = format!("{LINT}/1/steps/9");
    for words in [&[wrong.as_str()][..], &[&wrong, "-f"]] {
        let error = logs(&server, words).await.failure();
        assert!(error.contains("no attempt"), "{error}");
    }
}

#[tokio::test]
async fn a_log_is_followed_piece_by_piece() {
    let first = Look {
        wrote: &[("1/1", "one\n")],
        ..RUNNING
    };
    let last = Look {
        wrote: &[("1/1", "two\n")],
        ..DONE
    };
    let server = Farm::with(&[WAITING, WAITING, RUNNING, first, last]).await;
    let ran = logs(&server, &[LINT, "--follow"]).await;
    assert_eq!(ran.err, "not begun: waits for a machine of local\n");
    assert_eq!(ran.printed(), "one\ntwo\n");
    let froms: Vec<String> = server.asked("/log/");
    let path = format!("GET /log/{LINT}/1/steps/1?from=");
    // Before there is a log; each piece; what may lie behind each piece.
    let want = ["0", "0", "4", "4", "8"].map(|from| format!("{path}{from}"));
    assert_eq!(froms, want);
}

#[tokio::test]
async fn a_lost_attempt_is_followed_by_the_next() {
    let first = Look {
        wrote: &[("1/1", "lost\n")],
        ..RUNNING
    };
    let second = Look {
        attempts: &["gone", "running"],
        wrote: &[("1/1", "its end\n"), ("1/2", "second\n")],
        ..RUNNING
    };
    let last = Look {
        attempts: &["gone", "finished"],
        ..DONE
    };
    let server = Farm::with(&[first.clone(), second.clone(), last.clone()]).await;
    let ran = logs(&server, &[LINT, "-f"]).await;
    assert_eq!(ran.err, "attempt 2 of run 1 begins\n");
    assert_eq!(ran.printed(), "lost\nits end\nsecond\n");

    let server = Farm::with(&[first, second, last]).await;
    let named = format!("{LINT}/1/steps/1");
    let out = logs(&server, &[&named, "-f"]).await.printed();
    assert_eq!(out, "lost\nits end\n", "a named attempt is the only one");
}

#[tokio::test]
async fn a_farm_that_restarts_does_not_end_it() {
    let first = Look {
        wrote: &[("1/1", "one\n")],
        ..RUNNING
    };
    let away = Look {
        up: false,
        ..WAITING
    };
    let last = Look {
        wrote: &[("1/1", "two\n")],
        ..DONE
    };
    let server = Farm::with(&[first, away.clone(), away.clone(), last]).await;
    let ran = logs(&server, &[LINT, "-f"]).await;
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.contains("restarting; asking again"), "{}", ran.err);
    assert_eq!(ran.printed(), "one\ntwo\n");

    let server = Farm::with(&[RUNNING, away]).await;
    let error = logs(&server, &[LINT, "-f"]).await.failure();
    assert!(error.contains("503"), "{error}");
}

#[tokio::test]
async fn where_a_connection_breaks_the_log_goes_on() {
    let server = Farm::with(&[DONE]).await;
    server.log("1/1", "one\ntwo\n");
    *server.state.breaks.lock() = Some(5);
    let ran = logs(&server, &[LINT, "-f"]).await;
    assert!(ran.err.contains("asking again"), "{}", ran.err);
    assert_eq!(ran.printed(), "one\ntwo\n");
    *server.state.breaks.lock() = Some(5);
    assert!(logs(&server, &[LINT]).await.failure().contains("broke"));
}

#[tokio::test]
async fn a_stored_log_comes_whole_and_is_not_repeated() {
    let first = Look {
        wrote: &[("1/1", "one\n")],
        ..RUNNING
    };
    let last = Look {
        wrote: &[("1/1", "two\n")],
        ..DONE
    };
    let server = Farm::with(&[first, last]).await;
    *server.state.stored.lock() = true;
    assert_eq!(logs(&server, &[LINT, "-f"]).await.printed(), "one\ntwo\n");
    let named = format!("{LINT}/1/steps/1");
    assert_eq!(logs(&server, &[&named]).await.printed(), "one\ntwo\n");
}

#[tokio::test]
async fn a_reader_that_left_ends_it() {
    let server = Farm::with(&[RUNNING]).await;
    server.log("1/1", "one\n");
    let words = ["logs", "--server", &server.url, LINT, "--follow"];
    farm_unread(&words).await.unwrap();
}

#[tokio::test]
async fn the_logs_of_all_that_failed_are_kept_once() {
    let server = Farm::with(&[DONE]).await;
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().to_str().unwrap();
    let words = ["--failed", "--into", into];
    let ran = logs(&server, &words).await;
    assert_eq!(ran.code.unwrap(), std::process::ExitCode::from(1));
    assert!(
        ran.err.contains("lint@5b0c9d1e: its log is empty or gone"),
        "{}",
        ran.err
    );
    server.log("1/1", "what failed\n");
    let path = folder.path().join(crate::farm::COMMIT).join("lint-1.log");
    let ran = logs(&server, &words).await;
    assert_eq!(ran.err, "kept 1 log; 0 were there; 0 failed\n");
    assert_eq!(ran.printed(), format!("{}\n", path.display()));
    assert_eq!(std::fs::read_to_string(path).unwrap(), "what failed\n");
    let ran = logs(&server, &words).await;
    assert_eq!(ran.err, "kept 0 logs; 1 were there; 0 failed\n");
    let error = logs(&server, &["--failed"]).await.failure();
    assert!(error.contains("--into"), "{error}");
    assert!(logs(&server, &[]).await.failure().contains("BUILD"));
}
