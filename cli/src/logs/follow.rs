//! `--follow`: the log as it grows, until the build is over. The farm may restart meanwhile.

use farm_model::id::AttemptKey;
use farm_model::view::BuildView;

use super::{Target, copy, is_passing, known, tell_nothing, which};
use crate::server::Server;
use crate::session::Session;
use crate::text::plain;

/// How often in a row the farm may fail to answer: a minute, at a question a second.
const PATIENCE: u32 = 60;

/// Follows one build.
#[derive(Debug)]
pub struct Follower<'s> {
    server: &'s Server,
    target: Target,
    /// The attempt shown, and how many of its bytes.
    shown: Option<(AttemptKey, u64)>,
    /// Why it waited when that was last told.
    told: String,
    /// Questions in a row without an answer.
    failures: u32,
}

impl<'s> Follower<'s> {
    /// Has shown nothing yet.
    pub fn new(server: &'s Server, target: Target) -> Self {
        Self {
            server,
            target,
            shown: None,
            told: String::new(),
            failures: 0,
        }
    }

    /// Shows the log until there is no more to come.
    ///
    /// # Errors
    /// The build is not known, or the farm has not answered for long.
    pub async fn run(mut self, session: &mut Session) -> anyhow::Result<()> {
        loop {
            match self.look(session).await {
                Ok(true) => return self.end(session).await,
                Ok(false) => self.failures = 0,
                Err(error) => self.bear(error, session)?,
            }
            tokio::time::sleep(session.pause).await;
        }
    }

    /// Nothing more will come: says so if nothing came at all.
    async fn end(self, session: &mut Session) -> anyhow::Result<()> {
        match &self.shown {
            Some((key, 0)) => tell_nothing(self.server, key, session).await?,
            Some(_) => {}
            None => session.note("it ended without having begun"),
        }
        Ok(())
    }

    /// Shows what is new; true if there is no more to come.
    async fn look(&mut self, session: &mut Session) -> anyhow::Result<bool> {
        let view = known(self.server, self.target.build()).await?;
        // First the state, then the log: what was over then has written all of its log now.
        let over = match &self.target {
            Target::Newest(_) => which::is_over(&view, None),
            Target::Exactly(key) => which::is_over(&view, Some(key)),
        };
        self.turn_to(&view, session).await?;
        self.drain(session).await?;
        Ok(over)
    }

    /// Chooses the attempt to show.
    async fn turn_to(&mut self, view: &BuildView, session: &mut Session) -> anyhow::Result<()> {
        let wanted = match &self.target {
            Target::Exactly(key) => Some(key.clone()),
            Target::Newest(_) => which::current(view),
        };
        let Some(key) = wanted else {
            self.tell_wait(&view.why, session);
            return Ok(());
        };
        let shown = self.shown.as_ref().map(|(shown, _)| shown);
        if shown == Some(&key) {
            return Ok(());
        }
        // What the one before has written since.
        self.drain(session).await?;
        if self.shown.is_some() {
            session.note(&format!(
                "attempt {} of run {} begins",
                key.attempt, key.run
            ));
        }
        self.shown = Some((key, 0));
        Ok(())
    }

    fn tell_wait(&mut self, why: &str, session: &mut Session) {
        let why = plain(why);
        if why != self.told {
            session.note(&format!("not begun: {why}"));
            self.told = why;
        }
    }

    /// Shows what the attempt has written since.
    async fn drain(&mut self, session: &mut Session) -> anyhow::Result<()> {
        let Some((key, from)) = &mut self.shown else {
            return Ok(());
        };
        while let Some(mut piece) = self.server.log(key, *from).await? {
            let copied = copy(&mut piece, session).await;
            let before = std::mem::replace(from, piece.next());
            // Where the connection broke, the next question begins.
            copied?;
            if !piece.goes_on() || piece.next() == before {
                break;
            }
        }
        Ok(())
    }

    /// A farm that restarts does not end the command.
    fn bear(&mut self, error: anyhow::Error, session: &mut Session) -> anyhow::Result<()> {
        // Before the first answer it is more likely the wrong address than a restart.
        let begun = self.shown.is_some() || !self.told.is_empty();
        if !begun || !is_passing(&error) || self.failures >= PATIENCE {
            return Err(error);
        }
        if self.failures == 0 {
            session.note(&format!("{error:#}; asking again"));
        }
        self.failures += 1;
        Ok(())
    }
}
