//! GitHub's webhook payloads (<https://docs.github.com/en/webhooks/webhook-events-and-payloads>). What they claim is a
//! hint; only what tells where to look is taken.

use farm_model::message::activity::GithubHint;
use serde_json::Value;

use crate::payload::{PayloadError, number, object, text};

/// The event that GitHub sends when a hook is made: to be answered, and nothing more.
pub const PING: &str = "ping";

/// Reads a delivery whose `X-GitHub-Event` is `event`. None for what the farm has no use for: [`PING`], and every event
/// that neither moves a ref nor is about an issue or pull request.
///
/// # Errors
/// The body is not JSON, or lacks what such an event always has.
pub fn parse(event: &str, body: &[u8]) -> Result<Option<GithubHint>, PayloadError> {
    let payload = object(body)?;
    let git_ref = moved_ref(event, &payload)?;
    let issue = number(&payload, "/issue/number");
    let pull_request = number(&payload, "/pull_request/number");
    if event == PING
        || !is_event(event)
        || (git_ref.is_none() && issue.is_none() && pull_request.is_none())
    {
        return Ok(None);
    }
    let (owner, repo) = repository(event, &payload)?;
    let action = text(&payload, "/action").unwrap_or_default();
    Ok(Some(GithubHint {
        event: event.to_owned(),
        action,
        owner,
        repo,
        git_ref,
        issue,
        pull_request,
    }))
}

/// The full ref that a push, or the making or removal of a branch or tag, is about.
fn moved_ref(event: &str, payload: &Value) -> Result<Option<String>, PayloadError> {
    let missing = || PayloadError::missing(event, "ref");
    match event {
        "push" => text(payload, "/ref").ok_or_else(missing).map(Some),
        "create" | "delete" => {
            let name = text(payload, "/ref").ok_or_else(missing)?;
            let folder = if payload["ref_type"] == "tag" {
                "refs/tags"
            } else {
                "refs/heads"
            };
            Ok(Some(format!("{folder}/{name}")))
        }
        _ => Ok(None),
    }
}

/// Owner and name: exactly one slash between two names.
fn repository(event: &str, payload: &Value) -> Result<(String, String), PayloadError> {
    let missing = || PayloadError::missing(event, "repository.full_name of the form owner/name");
    let full = text(payload, "/repository/full_name").ok_or_else(missing)?;
    let (owner, repo) = full.split_once('/').ok_or_else(missing)?;
    if is_name(owner) && is_name(repo) {
        Ok((owner.to_owned(), repo.to_owned()))
    } else {
        Err(missing())
    }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=200).contains(&name.len()) && name.bytes().all(plain)
}

fn is_event(event: &str) -> bool {
    event.len() <= 64
        && event
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_tells_repository_and_ref() {
        let body =
            br#"{"ref":"refs/heads/main","after":"x","repository":{"full_name":"golang/go"}}"#;
        let hint = parse("push", body).unwrap().unwrap();
        assert_eq!(
            (
                hint.owner.as_str(),
                hint.repo.as_str(),
                hint.action.as_str()
            ),
            ("golang", "go", "")
        );
        assert_eq!(hint.git_ref.as_deref(), Some("refs/heads/main"));
    }

    #[test]
    fn the_known_issue_event_keeps_its_four_facts() {
        let body = br#"{"action":"opened","issue":{"url":"https://api.github.com/repos/golang/go/issues/2","number":2},"repository":{"full_name":"golang/go"}}"#;
        let hint = parse("issues", body).unwrap().unwrap();
        assert_eq!(
            (hint.action.as_str(), hint.issue, hint.pull_request),
            ("opened", Some(2), None)
        );
        assert_eq!(
            serde_json::to_string(&hint).unwrap(),
            r#"{"event":"issues","action":"opened","owner":"golang","repo":"go","issue":2}"#
        );
    }

    #[test]
    fn a_comment_on_a_pull_request_and_its_review_are_hints() {
        let body = br#"{"action":"created","pull_request":{"number":7},"issue":{"number":0},"repository":{"full_name":"a/b"}}"#;
        for event in ["issue_comment", "pull_request", "pull_request_review"] {
            let hint = parse(event, body).unwrap().unwrap();
            assert_eq!(
                (hint.event.as_str(), hint.issue, hint.pull_request),
                (event, None, Some(7))
            );
        }
    }

    #[test]
    fn a_new_branch_has_a_full_ref() {
        let body = br#"{"ref":"v1","ref_type":"tag","repository":{"full_name":"a/b"}}"#;
        assert_eq!(
            parse("create", body).unwrap().unwrap().git_ref.as_deref(),
            Some("refs/tags/v1")
        );
        let body = br#"{"ref":"x/y","ref_type":"branch","repository":{"full_name":"a/b"}}"#;
        assert_eq!(
            parse("delete", body).unwrap().unwrap().git_ref.as_deref(),
            Some("refs/heads/x/y")
        );
    }

    #[test]
    fn ping_and_unknown_events_are_no_hints() {
        assert_eq!(
            parse("ping", br#"{"zen":"x","repository":{"full_name":"a/b"}}"#).unwrap(),
            None
        );
        assert_eq!(
            parse(
                "star",
                br#"{"action":"created","repository":{"full_name":"a/b"}}"#
            )
            .unwrap(),
            None
        );
        assert_eq!(
            parse(
                "Bad Event",
                br#"{"issue":{"number":1},"repository":{"full_name":"a/b"}}"#
            )
            .unwrap(),
            None
        );
        assert_eq!(parse("star", b"{}").unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let error = |event, body: &[u8]| parse(event, body).unwrap_err().to_string();
        assert!(error("push", b"{").starts_with("the body is not JSON: EOF"));
        assert_eq!(
            error("push", b"[]"),
            "the body is not JSON: an object was expected"
        );
        assert_eq!(
            error("push", b"payload=%7B%7D"),
            "the body is a form: set the webhook's content type to application/json"
        );
        assert_eq!(error("push", b"{}"), "the push event has no ref");
        for name in ["", "a", "a/b/c", "/b", "a/", "a/b c", "a/\u{e4}"] {
            let body = format!(r#"{{"ref":"refs/heads/x","repository":{{"full_name":"{name}"}}}}"#);
            assert_eq!(
                error("push", body.as_bytes()),
                "the push event has no repository.full_name of the form owner/name"
            );
        }
    }
}
