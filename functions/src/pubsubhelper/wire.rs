//! The bytes that clients of 2019 read: JSON as Go's encoder writes it, indented by tabs (spec `pubsubhelper.md` 6).

use farm_model::Timestamp;
use farm_model::message::activity::{GerritHint, GithubHint, Hint};
use farm_model::view::FeedEvent;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Event<'a> {
    time: Timestamp,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    long_poll_timeout: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    gerrit: Option<Gerrit<'a>>,
    #[serde(rename = "GitHub", skip_serializing_if = "Option::is_none")]
    github: Option<Github<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Gerrit<'a> {
    #[serde(rename = "URL")]
    url: &'a str,
    project: &'a str,
    commit_hash: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    change_number: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Github<'a> {
    /// Empty for what has none, such as a push: old clients only look at the repository.
    action: &'a str,
    repo_owner: &'a str,
    repo: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    issue_number: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pull_request_number: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// One event.
pub(super) fn event(event: &FeedEvent) -> String {
    let (gerrit, github) = match &event.hint {
        Hint::Gerrit(hint) => (Some(of_gerrit(hint)), None),
        Hint::Github(hint) => (None, Some(of_github(hint))),
    };
    go_json(&Event {
        time: event.time,
        long_poll_timeout: false,
        gerrit,
        github,
    })
}

fn of_gerrit(hint: &GerritHint) -> Gerrit<'_> {
    Gerrit {
        url: hint.url.as_deref().unwrap_or_default(),
        project: &hint.project,
        commit_hash: hint.commit.as_deref().unwrap_or_default(),
        change_number: hint.change.unwrap_or_default(),
    }
}

fn of_github(hint: &GithubHint) -> Github<'_> {
    Github {
        action: &hint.action,
        repo_owner: &hint.owner,
        repo: &hint.repo,
        issue_number: hint.issue.unwrap_or_default(),
        pull_request_number: hint.pull_request.unwrap_or_default(),
    }
}

/// The answer to a long poll for which nothing came after `checked`.
pub(super) fn time_out(checked: Timestamp) -> String {
    go_json(&Event {
        time: checked,
        long_poll_timeout: true,
        gerrit: None,
        github: None,
    })
}

/// Events as one list.
pub(super) fn list<'a>(events: impl Iterator<Item = &'a FeedEvent>) -> String {
    let events: Vec<String> = events.map(event).collect();
    format!("[\n{}\n]\n", events.join(",\n"))
}

fn go_json(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"\t");
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
    debug_assert!(written.is_ok(), "plain structs serialise");
    // Outside strings, JSON has none of these.
    String::from_utf8_lossy(&bytes)
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// A time as RFC 3339 writes it; what else our parser understands is none.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let (date, rest) = (text.get(..19)?, text.get(19..)?);
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let shape = |text: &str, like: &str| {
        text.len() == like.len()
            && text
                .bytes()
                .zip(like.bytes())
                .all(|(byte, like)| match like {
                    b'0' => byte.is_ascii_digit(),
                    b'+' => byte == b'+' || byte == b'-',
                    like => byte == like,
                })
    };
    let plain = shape(date, "0000-00-00T00:00:00") && (zone == "Z" || shape(zone, "+00:00"));
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn github(action: &str, issue: Option<u64>, pull_request: Option<u64>) -> Hint {
        Hint::Github(GithubHint {
            event: "pull_request".to_owned(),
            action: action.to_owned(),
            owner: "golang".to_owned(),
            repo: "go".to_owned(),
            git_ref: None,
            issue,
            pull_request,
        })
    }

    #[test]
    fn a_time_out_is_the_known_bytes() {
        assert_eq!(
            time_out(at("2019-04-25T17:00:00.123456789Z")),
            "{\n\t\"Time\": \"2019-04-25T17:00:00.123456789Z\",\n\t\"LongPollTimeout\": true\n}"
        );
    }

    #[test]
    fn a_gerrit_event_is_the_known_bytes() {
        let hint = Hint::Gerrit(GerritHint {
            event: "patchset-created".to_owned(),
            project: "net".to_owned(),
            git_ref: None,
            url: Some("https://go-review.googlesource.com/39551".to_owned()),
            commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
            change: Some(39551),
        });
        let time = at("2019-04-25T17:00:00.123456789Z");
        assert_eq!(
            event(&FeedEvent { time, hint }),
            "{\n\t\"Time\": \"2019-04-25T17:00:00.123456789Z\",\n\t\"Gerrit\": {\n\
             \t\t\"URL\": \"https://go-review.googlesource.com/39551\",\n\
             \t\t\"Project\": \"net\",\n\
             \t\t\"CommitHash\": \"0123456789abcdef0123456789abcdef01234567\",\n\
             \t\t\"ChangeNumber\": 39551\n\t}\n}"
        );
    }

    #[test]
    fn a_github_event_is_the_known_bytes() {
        let event = event(&FeedEvent {
            time: at("2019-04-25T17:00:00Z"),
            hint: github("opened", None, Some(31000)),
        });
        assert_eq!(
            event,
            "{\n\t\"Time\": \"2019-04-25T17:00:00Z\",\n\t\"GitHub\": {\n\
             \t\t\"Action\": \"opened\",\n\t\t\"RepoOwner\": \"golang\",\n\t\t\"Repo\": \"go\",\n\
             \t\t\"PullRequestNumber\": 31000\n\t}\n}"
        );
    }

    #[test]
    fn a_push_has_the_same_shape_without_action_and_numbers() {
        let event = event(&FeedEvent {
            time: at("2019-04-25T17:00:00.5Z"),
            hint: github("", None, None),
        });
        assert_eq!(
            event,
            "{\n\t\"Time\": \"2019-04-25T17:00:00.5Z\",\n\t\"GitHub\": {\n\
             \t\t\"Action\": \"\",\n\t\t\"RepoOwner\": \"golang\",\n\t\t\"Repo\": \"go\"\n\t}\n}"
        );
    }

    #[test]
    fn markup_is_escaped_as_go_does() {
        let event = event(&FeedEvent {
            time: at("2019-04-25T17:00:00Z"),
            hint: github("<a & b>", Some(1), None),
        });
        assert!(
            event.contains(r#""Action": "\u003ca \u0026 b\u003e""#),
            "{event}"
        );
    }

    #[test]
    fn an_empty_list_is_the_known_bytes() {
        assert_eq!(list([].iter()), "[\n\n]\n");
        let one = FeedEvent {
            time: at("2019-04-25T17:00:00Z"),
            hint: github("x", None, None),
        };
        let text = event(&one);
        assert_eq!(
            list([one.clone(), one].iter()),
            format!("[\n{text},\n{text}\n]\n")
        );
    }

    #[test]
    fn a_cursor_is_rfc_3339_and_nothing_else() {
        let same = at("2019-04-25T17:00:00.5Z");
        assert_eq!(time("2019-04-25T17:00:00.5Z"), Some(same));
        assert_eq!(time("2019-04-25T19:00:00.500+02:00"), Some(same));
        assert!(time("2019-04-25T17:00:00Z").is_some());
        for bad in [
            "yesterday",
            "2019-04-25",
            "2019-04-25 17:00:00Z",
            "2019-04-25T17:00:00",
            "2019-04-25T17:00:00.Z",
            "2019-04-25t17:00:00z",
            "2019-04-25T17:00:00Z[UTC]",
            "2019-04-25T17:00:00 02:00",
            "2019-13-25T17:00:00Z",
            "2019-04-25T17:00:00é",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }
}
