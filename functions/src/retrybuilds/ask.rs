//! What is asked, wherever in the request it stands.

use axum::body::Bytes;
use axum::extract::{FromRequest, Query, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use farm_model::id::{BuilderName, CommandId, CommitId};
use farm_model::message::command::{Ask, Command};
use serde::Deserialize;

use super::actor::Actor;

use crate::bearer;
use crate::names::named;
use crate::y2019::envelope::Refusal;

/// Commits of one request.
const MOST: usize = 100;

/// A request as it was made; nothing in it is to be believed.
#[derive(Default)]
pub(super) struct Asked {
    parameters: Parameters,
    token: Option<String>,
}

/// Unknown ones are ignored, as they were in 2019.
#[derive(Default, Deserialize)]
struct Parameters {
    builder: Option<String>,
    hash: Option<String>,
    key: Option<String>,
    id: Option<String>,
}

impl Parameters {
    /// What the query says goes before what the body says.
    fn or(self, other: Self) -> Self {
        Self {
            builder: self.builder.or(other.builder),
            hash: self.hash.or(other.hash),
            key: self.key.or(other.key),
            id: self.id.or(other.id),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Asked {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let query = Query::try_from_uri(request.uri())
            .map_err(|error| Refusal::bad(format!("the query cannot be read: {error}")))?;
        let Query(query): Query<Parameters> = query;
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| unread(error.into_response().status()))?;
        let parameters = query.or(in_body(&headers, &body)?);
        let id = headers.get("idempotency-key");
        let named = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        Ok(Self {
            parameters: Parameters {
                id: parameters.id.or(named),
                ..parameters
            },
            token: bearer::token(&headers).map(str::to_owned),
        })
    }
}

fn unread(status: StatusCode) -> Refusal {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::of(status, "the body is too large"),
        _ => Refusal::bad("the body did not arrive whole"),
    }
}

/// A form or a JSON object; any other body is ignored.
fn in_body(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/json" if !body.is_empty() => serde_json::from_slice(body)
            .map_err(|error| Refusal::bad(format!("the body cannot be read: {error}"))),
        "application/x-www-form-urlencoded" => form(body),
        _ => Ok(Parameters::default()),
    }
}

/// A form is a query in the body's place.
fn form(body: &[u8]) -> Result<Parameters, Refusal> {
    let bad = || Refusal::bad("the form cannot be read");
    let text = std::str::from_utf8(body).map_err(|_| bad())?;
    let uri = format!("/?{text}").parse().map_err(|_| bad())?;
    let Query(parameters) = Query::try_from_uri(&uri).map_err(|_| bad())?;
    Ok(parameters)
}

impl Asked {
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.parameters.key.as_deref()
    }

    /// Empty where it is missing.
    pub(super) fn builder(&self) -> &str {
        self.parameters.builder.as_deref().unwrap_or_default()
    }

    /// One command a commit, in the name of `actor`; `random` names those that the request does not.
    pub(super) fn commands(
        &self,
        actor: &Actor,
        random: impl Fn() -> String,
    ) -> Result<Vec<Command>, Refusal> {
        let bad = |error: farm_model::id::IdError| Refusal::bad(error.to_string());
        if self.builder().is_empty() {
            return Err(Refusal::bad("must specify a builder"));
        }
        let builder: BuilderName = self.builder().parse().map_err(bad)?;
        let commits = self.commits()?;
        let id = self.parameters.id.clone().filter(|id| !id.is_empty());
        let id = match id {
            Some(id) => named(&actor.name, &id).map_err(bad)?,
            None => random(),
        };
        let several = commits.len() > 1;
        let command = |(n, commit): (usize, CommitId)| {
            let id = if several {
                format!("{id}.{n}")
            } else {
                id.clone()
            };
            let id: CommandId = id.parse().map_err(bad)?;
            let builder = builder.clone();
            Ok(Command {
                id,
                actor: actor.name.clone(),
                ask: Ask::Clear { builder, commit },
            })
        };
        (1..).zip(commits).map(command).collect()
    }

    fn commits(&self) -> Result<Vec<CommitId>, Refusal> {
        let text = self.parameters.hash.as_deref().unwrap_or_default();
        if text.trim().is_empty() {
            return Err(Refusal::bad("must specify a hash"));
        }
        let commits = text.split(',').map(|hash| hash.trim().parse());
        let commits: Result<Vec<CommitId>, _> = commits.take(MOST + 1).collect();
        let commits = commits.map_err(|error| Refusal::bad(error.to_string()))?;
        if commits.len() > MOST {
            return Err(Refusal::bad(format!("at most {MOST} commits at once")));
        }
        Ok(commits)
    }
}

#[cfg(test)]
impl Asked {
    pub(super) fn with_key(builder: &str, key: &str) -> Self {
        Self {
            parameters: Parameters {
                builder: Some(builder.to_owned()),
                key: Some(key.to_owned()),
                ..Parameters::default()
            },
            token: None,
        }
    }

    pub(super) fn with_token(token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn commands(builder: &str, hash: &str, id: Option<&str>) -> Result<Vec<String>, Refusal> {
        let asked = Asked {
            parameters: Parameters {
                builder: Some(builder.to_owned()),
                hash: Some(hash.to_owned()),
                key: None,
                id: id.map(str::to_owned),
            },
            token: None,
        };
        let actor = Actor {
            name: "user:gopher".to_owned(),
            is_2019: false,
        };
        let commands = asked.commands(&actor, || "random".to_owned())?;
        let text = |command: Command| {
            let Ask::Clear { builder, commit } = command.ask else {
                panic!("{command:?}")
            };
            format!("{} {builder} {}", command.id, commit.short())
        };
        Ok(commands.into_iter().map(text).collect())
    }

    #[test]
    fn each_commit_is_a_command_whose_name_does_not_change() {
        assert_eq!(commands("b", A, None).unwrap(), ["random b aaaaaaaa"]);
        assert_eq!(
            commands("b", A, Some("mine")).unwrap(),
            ["9c73fbcce60b9bd3-mine b aaaaaaaa"]
        );
        assert_eq!(
            commands("b", &format!("{A}, {B}"), Some("mine")).unwrap(),
            [
                "9c73fbcce60b9bd3-mine.1 b aaaaaaaa",
                "9c73fbcce60b9bd3-mine.2 b bbbbbbbb"
            ]
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_said() {
        let text =
            |builder, hash: &str| format!("{:?}", commands(builder, hash, None).unwrap_err());
        assert!(text("", A).contains("must specify a builder"));
        assert!(text("b", "").contains("must specify a hash"));
        assert!(text("b", &A[..12]).contains("is not a commit"));
        assert!(text("../b", A).contains("is not a builder name"));
        assert!(text("b", &[A; MOST + 1].join(",")).contains("at most 100"));
        assert!(commands("b", A, Some("not a name")).is_err());
    }

    #[test]
    fn a_form_and_an_object_say_the_same() {
        let mut headers = HeaderMap::new();
        let mut read = |kind: &str, body: &str| {
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            in_body(&headers, body.as_bytes()).unwrap().builder
        };
        let form = "application/x-www-form-urlencoded";
        assert_eq!(read(form, "builder=a%2Db&x=1").as_deref(), Some("a-b"));
        let json = "application/json; charset=utf-8";
        assert_eq!(read(json, r#"{"builder":"a-b"}"#).as_deref(), Some("a-b"));
        assert_eq!(read("text/plain", "builder=a"), None);
    }
}
