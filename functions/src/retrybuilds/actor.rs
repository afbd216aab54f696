//! Who asks.

use axum::http::StatusCode;
use farm_forge::token;
use farm_model::Timestamp;
use farm_runtime::Vars;

use super::ask::Asked;
use crate::y2019::envelope::Refusal;
use crate::y2019::keys::BuilderKeys;

/// What proves who asks.
pub(super) struct Keys {
    tokens: String,
    builders: BuilderKeys,
}

/// Somebody who has proved it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Actor {
    /// `user:gopher`, `builder:linux-amd64`.
    pub(super) name: String,
    /// It speaks as clients of 2019 do.
    pub(super) is_2019: bool,
}

impl Keys {
    pub(super) fn read(vars: &Vars) -> anyhow::Result<Self> {
        Ok(Self {
            tokens: vars.require(
                "FARM_TOKEN_KEY",
                "the key that people's tokens are signed with",
            )?,
            builders: BuilderKeys::read(vars)?,
        })
    }

    /// What people's tokens are signed with.
    pub(super) fn tokens(&self) -> &str {
        &self.tokens
    }

    /// Who asks. A token goes before a key; neither is ever told or logged.
    pub(super) fn actor(&self, asked: &Asked, now: Timestamp) -> Result<Actor, Refusal> {
        let refused = |text: String| Refusal::of(StatusCode::UNAUTHORIZED, text);
        match (asked.token(), asked.key()) {
            (Some(token), _) => token::verify(self.tokens.as_bytes(), token, now)
                .map(|claims| Actor::user(&claims.subject))
                .map_err(|error| refused(error.to_string())),
            (None, Some(key)) => {
                self.builders.check(asked.builder(), key)?;
                Ok(Actor::builder(asked.builder()))
            }
            (None, None) => Err(refused(
                "say who you are: Authorization: Bearer farm1.…".to_owned(),
            )),
        }
    }
}

impl Actor {
    fn user(subject: &str) -> Self {
        Self {
            name: format!("user:{subject}"),
            is_2019: false,
        }
    }

    fn builder(name: &str) -> Self {
        Self {
            name: format!("builder:{name}"),
            is_2019: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published key of `linux-amd64` under the master key `gophers rule`.
    const KEY: &str = "8b3dbf220b21848be6884e982b34702e";

    fn keys(master: Option<&str>) -> Keys {
        let vars = Vars::default()
            .with("FARM_TOKEN_KEY", "tokens")
            .with("FARM_BUILDER_MASTER_KEY", master.unwrap_or_default());
        Keys::read(&vars).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn refusal(keys: &Keys, asked: &Asked) -> String {
        format!("{:?}", keys.actor(asked, at(50)).unwrap_err())
    }

    #[test]
    fn a_builders_key_of_2019_counts_only_where_it_is_switched_on() {
        let asked = Asked::with_key("linux-amd64", KEY);
        let actor = keys(Some("gophers rule")).actor(&asked, at(50)).unwrap();
        assert_eq!(
            (actor.name.as_str(), actor.is_2019),
            ("builder:linux-amd64", true)
        );
        let text = refusal(&keys(None), &asked);
        assert!(
            text.contains("switched off") && !text.contains(KEY),
            "{text}"
        );
        let text = refusal(&keys(Some("another")), &asked);
        assert!(
            text.contains("invalid key") && !text.contains(KEY),
            "{text}"
        );
        let other = Asked::with_key("linux-arm", KEY);
        assert!(refusal(&keys(Some("gophers rule")), &other).contains("invalid key"));
    }

    #[test]
    fn a_token_says_which_user_until_it_expires() {
        let keys = keys(Some("gophers rule"));
        let token = token::mint(b"tokens", "gopher", at(100)).unwrap();
        let asked = Asked::with_token(&token);
        assert_eq!(keys.actor(&asked, at(99)).unwrap(), Actor::user("gopher"));
        assert!(keys.actor(&asked, at(100)).is_err());
        let other = token::mint(b"other", "gopher", at(100)).unwrap();
        assert!(refusal(&keys, &Asked::with_token(&other)).contains("another key"));
    }

    #[test]
    fn nobody_is_told_how_to_say_who_it_is() {
        assert!(refusal(&keys(None), &Asked::default()).contains("Bearer"));
    }

    #[test]
    fn without_a_key_for_tokens_nothing_starts() {
        let text = Keys::read(&Vars::default()).err().unwrap().to_string();
        assert!(text.starts_with("FARM_TOKEN_KEY is not set"), "{text}");
    }
}
