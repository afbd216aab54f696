//! What a git that stays answers without a process of its own. None means: ask one.

use farm_model::id::CommitId;
use farm_model::record::CommitInfo;

use super::{Inner, State};
use crate::git::blob;
use crate::git::log::parse_object;
use crate::git::objects::{Answer, Objects};

/// New commits that are read one by one; a push of more is read by `git log`.
const FEW: usize = 32;
/// Of a commit object, in bytes.
const COMMIT: usize = 256 << 10;

impl Inner {
    /// The newest commits of a branch that was read before and has grown by a few.
    pub(super) async fn log_on(
        &self,
        state: &mut State,
        name: &str,
        head: &CommitId,
        depth: usize,
    ) -> Option<Vec<CommitInfo>> {
        let known = state.known.get(name).filter(|known| known.depth == depth)?;
        let before = known.commits.clone();
        let mut commits: Vec<CommitInfo> = Vec::new();
        let mut next = head.clone();
        let joint = loop {
            if let Some(joint) = before.iter().position(|commit| commit.id == next) {
                break joint;
            }
            if commits.len() >= FEW {
                return None;
            }
            let Answer::Object(kind, object) = self.ask(state, next.as_str(), COMMIT).await? else {
                return None;
            };
            let commit = parse_object(&next, &object).filter(|_| kind == "commit")?;
            next = commit.parents.first()?.clone();
            commits.push(commit);
        };
        let cut_off = before.len() >= depth;
        commits.extend(before.into_iter().skip(joint));
        if cut_off && commits.len() < depth {
            // The branch went back: what lies below was never read.
            return None;
        }
        commits.truncate(depth);
        Some(commits)
    }

    /// A file of a commit that is at hand.
    pub(super) async fn known_file(&self, commit: &CommitId, path: &str) -> Option<Option<String>> {
        let mut state = self.state.lock().await;
        // A mirror that nobody observes is asked too seldom to keep a process for it.
        if !state.known.values().any(|known| known.head == *commit) {
            return None;
        }
        let name = format!("{commit}:{path}");
        match self.ask(&mut state, &name, blob::LIMIT).await? {
            Answer::Object(kind, text) if kind == "blob" => {
                Some(Some(String::from_utf8_lossy(&text).into_owned()))
            }
            // Whether file or commit is missing, and what is too large, is said by those who say it in full.
            Answer::Missing | Answer::TooLarge | Answer::Object(..) => None,
        }
    }

    /// Starts the git if there is none; ends it if it fails.
    async fn ask(&self, state: &mut State, name: &str, limit: usize) -> Option<Answer> {
        let mut objects = match state.objects.take() {
            Some(objects) => objects,
            None => Objects::start(self.git(state, "reading objects")).ok()?,
        };
        match objects.ask(name, limit).await {
            Ok(Answer::TooLarge) => Some(Answer::TooLarge),
            Ok(answer) => {
                state.objects = Some(objects);
                Some(answer)
            }
            Err(error) => {
                tracing::debug!(%error, "a git that should stay has ended");
                None
            }
        }
    }
}
