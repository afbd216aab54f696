//! Asking, and what is said of the answer.

use std::process::ExitCode;

use farm_model::message::command::Ask;
use serde_json::json;

use crate::credential::CredentialArgs;
use crate::server::{Server, ServerArgs, ServerError};
use crate::session::Session;
use crate::text::plain;

/// Whom a command is given to, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub struct CallerArgs {
    #[command(flatten)]
    credential: CredentialArgs,
    #[command(flatten)]
    server: ServerArgs,
}

impl CallerArgs {
    /// Gets ready to ask.
    ///
    /// # Errors
    /// The system's TLS is not usable.
    pub fn server(&self) -> Result<Server, ServerError> {
        self.server.open()
    }

    /// What proves who asks.
    ///
    /// # Errors
    /// There is no token.
    pub fn token(&self, session: &Session) -> anyhow::Result<String> {
        self.credential.token(self.server.is_local(), session)
    }
}

/// The same, and how the answer is told.
#[derive(Debug, Clone, clap::Args)]
pub struct CommandArgs {
    /// As JSON: the command's id, or why it is refused
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    whom: CallerArgs,
}

impl CommandArgs {
    /// Gets ready to ask.
    ///
    /// # Errors
    /// The system's TLS is not usable.
    pub fn server(&self) -> Result<Server, ServerError> {
        self.whom.server()
    }

    /// Asks for `what`, in words for people.
    ///
    /// # Errors
    /// There is no token, or no usable answer.
    pub async fn ask(
        &self,
        ask: Ask,
        what: &str,
        session: &mut Session,
    ) -> anyhow::Result<ExitCode> {
        let token = self.whom.token(session)?;
        let answer = self.server()?.command(&ask, &token).await?;
        match answer {
            Ok(command) if self.json => {
                session.print(&json!({ "command": command }).to_string())?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(_) => {
                session.print(&format!(
                    "asked for {what}: `farm audit` shows what came of it"
                ))?;
                Ok(ExitCode::SUCCESS)
            }
            Err(refusal) if self.json => {
                session.print(&json!({ "error": refusal }).to_string())?;
                Ok(ExitCode::FAILURE)
            }
            Err(refusal) => {
                session.note(&format!("refused: {}", plain(&refusal)));
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
