//! Payloads of Gerrit's webhooks plugin: the events of `gerrit stream-events`, one a POST
//! (<https://gerrit-review.googlesource.com/Documentation/cmd-stream-events.html>). They are unsigned; what they claim
//! is a hint.

use farm_model::message::activity::GerritHint;
use serde_json::Value;

use crate::payload::{PayloadError, number, object, text};

/// Events that are of use; the rest (`project-created`, `ref-replicated`, …) is not.
const KNOWN: [&str; 18] = [
    "assignee-changed",
    "batch-ref-updated",
    "change-abandoned",
    "change-deleted",
    "change-merged",
    "change-restored",
    "comment-added",
    "hashtags-changed",
    "patchset-created",
    "private-state-changed",
    "project-head-updated",
    "ref-updated",
    "reviewer-added",
    "reviewer-deleted",
    "reviewer-updated",
    "topic-changed",
    "vote-deleted",
    "wip-state-changed",
];

/// Where the project's name is, by version and event; in some it is wrapped in an object.
const PROJECT: [&str; 6] = [
    "/refUpdate/project",
    "/change/project",
    "/project/name",
    "/project",
    "/projectName",
    "/refUpdates/0/project",
];

/// Reads a delivery. None for types of events that the farm has no use for.
///
/// # Errors
/// The body is not JSON, or lacks `type` or the project.
pub fn parse(body: &[u8]) -> Result<Option<GerritHint>, PayloadError> {
    let payload = object(body)?;
    let event = text(&payload, "/type").ok_or_else(|| PayloadError::missing("Gerrit", "type"))?;
    if !KNOWN.contains(&event.as_str()) {
        return Ok(None);
    }
    let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| text(&payload, pointer));
    let project = first(&PROJECT).ok_or_else(|| PayloadError::missing(&event, "project"))?;
    Ok(Some(GerritHint {
        project,
        git_ref: git_ref(&payload),
        url: first(&["/change/url"]),
        commit: first(&[
            "/patchSet/revision",
            "/refUpdate/newRev",
            "/refUpdates/0/newRev",
        ]),
        change: number(&payload, "/change/number"),
        event,
    }))
}

/// The ref, full: old servers say `master` where they mean `refs/heads/master`.
fn git_ref(payload: &Value) -> Option<String> {
    let pointers = [
        "/refUpdate/refName",
        "/refUpdates/0/refName",
        "/patchSet/ref",
    ];
    let name = pointers.iter().find_map(|pointer| text(payload, pointer))?;
    let full = name.starts_with("refs/") || name == "HEAD";
    Some(if full {
        name
    } else {
        format!("refs/heads/{name}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(body: &str) -> GerritHint {
        parse(body.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn an_updated_ref_tells_project_ref_and_commit() {
        let hint = hint(
            r#"{"submitter":{"name":"A"},"refUpdate":{"oldRev":"0","newRev":"abc","refName":"refs/heads/main","project":"tools"},
                "type":"ref-updated","eventCreatedOn":1555000000}"#,
        );
        assert_eq!(
            (hint.event.as_str(), hint.project.as_str()),
            ("ref-updated", "tools")
        );
        assert_eq!(hint.git_ref.as_deref(), Some("refs/heads/main"));
        assert_eq!((hint.commit.as_deref(), hint.change), (Some("abc"), None));
    }

    #[test]
    fn a_patch_set_tells_its_change() {
        let hint = hint(
            r#"{"uploader":{},"patchSet":{"number":2,"revision":"abc","ref":"refs/changes/45/12345/2"},
                "change":{"project":"go","branch":"master","number":12345,"url":"https://go-review.example/c/go/+/12345"},
                "project":{"name":"go"},"type":"patchset-created"}"#,
        );
        assert_eq!(hint.git_ref.as_deref(), Some("refs/changes/45/12345/2"));
        assert_eq!(
            (hint.change, hint.commit.as_deref()),
            (Some(12345), Some("abc"))
        );
        assert_eq!(
            hint.url.as_deref(),
            Some("https://go-review.example/c/go/+/12345")
        );
    }

    #[test]
    fn forms_of_old_and_new_servers_are_understood() {
        let old = hint(r#"{"type":"ref-updated","refUpdate":{"refName":"master","project":"go"}}"#);
        assert_eq!(old.git_ref.as_deref(), Some("refs/heads/master"));
        let new = hint(
            r#"{"type":"batch-ref-updated","refUpdates":[{"refName":"refs/heads/x","project":"go","newRev":"a"}]}"#,
        );
        assert_eq!(
            (new.project.as_str(), new.git_ref.as_deref()),
            ("go", Some("refs/heads/x"))
        );
        let quoted = hint(r#"{"type":"comment-added","project":"go","change":{"number":"12"}}"#);
        assert_eq!((quoted.project.as_str(), quoted.change), ("go", Some(12)));
        let merged = hint(r#"{"type":"change-merged","change":{"project":"go"},"newRev":"a"}"#);
        assert_eq!((merged.project.as_str(), merged.git_ref), ("go", None));
    }

    #[test]
    fn types_without_use_are_no_hints() {
        assert_eq!(
            parse(br#"{"type":"project-created","projectName":"x"}"#).unwrap(),
            None
        );
        assert_eq!(parse(br#"{"type":"something-new"}"#).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert!(
            parse(b"nonsense")
                .unwrap_err()
                .to_string()
                .starts_with("the body is not JSON")
        );
        assert_eq!(
            parse(b"{}").unwrap_err().to_string(),
            "the Gerrit event has no type"
        );
        let error = parse(br#"{"type":"ref-updated","refUpdate":{}}"#)
            .unwrap_err()
            .to_string();
        assert_eq!(error, "the ref-updated event has no project");
    }
}
