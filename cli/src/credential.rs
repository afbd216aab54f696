//! As whom a command speaks: the token given, or one made from the key of the farm on this computer.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use farm_forge::token;

use crate::session::Session;
use crate::token::{after, read_key};

/// Long enough for one request between clocks that do not quite agree.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Where `farm up` keeps its data, if nothing else was said.
const FOLDER: &str = ".farm";
/// Of a user's name in a token, in characters.
const LONGEST: usize = 100;

/// Where the token comes from.
#[derive(Debug, Clone, clap::Args)]
pub struct CredentialArgs {
    /// A token made by `farm token`; it goes before --data
    #[arg(long, env = "FARM_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The farm's data folder: its key makes the token [default for a farm on this computer: .farm]
    #[arg(long, value_name = "DIR", env = "FARM_DATA")]
    data: Option<PathBuf>,
}

impl CredentialArgs {
    /// The token to send. Without one, the key in the data folder makes one: whoever may read that rules the farm
    /// anyway. A farm elsewhere is never sent what the folder here made, unless the folder was named.
    ///
    /// # Errors
    /// There is neither token nor key; the text says how to get one.
    pub fn token(&self, local: bool, session: &Session) -> anyhow::Result<String> {
        let given = self.token.as_deref().map(str::trim);
        if let Some(token) = given.filter(|token| !token.is_empty()) {
            return Ok(token.to_owned());
        }
        let folder = match &self.data {
            Some(folder) => folder,
            None if local => Path::new(FOLDER),
            None => bail!(
                "a farm elsewhere wants a token: pass --token or FARM_TOKEN; its operator makes one with `farm token`"
            ),
        };
        let key = read_key(&folder.join("secrets").join("token-key")).context(
            "no token was given, and none can be made: pass --token or FARM_TOKEN, or with --data the folder of `farm up`",
        )?;
        let subject = format!("local-{}", printable(&session.user));
        let expires = after(session.clock.now(), LIFETIME)?;
        Ok(token::mint(key.as_bytes(), &subject, expires)?)
    }
}

/// A system may give users names that a token may not hold.
fn printable(user: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '-' };
    user.chars().take(LONGEST).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farm_elsewhere_is_not_sent_a_token_of_this_one() {
        let args = CredentialArgs {
            token: None,
            data: None,
        };
        let error = args.token(false, &Session::of_process()).unwrap_err();
        assert!(error.to_string().contains("--token"), "{error}");
    }

    #[test]
    fn a_name_is_made_printable() {
        assert_eq!(printable("Zoë B"), "Zo--B");
    }
}
