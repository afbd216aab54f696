//! Which branches there are, and what they point at: one process.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use farm_model::id::CommitId;

use super::command::Git;
use super::error::{GitError, redact};
use super::place::Local;

/// Of a remote's answer, in bytes: it lists tags and pull requests too.
const LIMIT: usize = 64 << 20;
const REMOTE: Duration = Duration::from_secs(60);
const BRANCHES: &str = "refs/heads/";
/// What stands for the branch where none is checked out. No branch can have this name.
const DETACHED: &str = "HEAD";

/// The branches of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    /// The branch that `HEAD` names; `HEAD` itself where a commit is checked out without a branch, on this machine; where it
    /// names none that exists, `main`, `master` or the only one.
    pub default: Option<String>,
    /// Short names and commits. A branch whose name is not UTF-8 is left out: nobody could name it in `farm.toml`.
    pub branches: BTreeMap<String, CommitId>,
}

/// Reads a repository on this machine.
pub(super) async fn of_local(local: &Local) -> Result<Heads, GitError> {
    let what = "reading the branches";
    let git = local.git(what).args([
        "for-each-ref",
        "--format=%(objectname) %(HEAD) %(refname)",
        BRANCHES,
    ]);
    let output = git
        .limit(LIMIT)
        .run()
        .await
        .map_err(|error| local.explain(error))?;
    let mut heads = parse_local(&output).ok_or_else(|| unreadable(what, &output))?;
    if heads.default.is_none()
        && let Some(commit) = detached(local).await?
    {
        heads.branches.insert(DETACHED.to_owned(), commit);
        heads.default = Some(DETACHED.to_owned());
    }
    Ok(heads.with_default())
}

/// The commit that is checked out without a branch, as continuous integration does. A `HEAD` that names a branch not born
/// yet has none.
async fn detached(local: &Local) -> Result<Option<CommitId>, GitError> {
    let git = local.git("reading HEAD");
    let ended = git
        .args(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
        .end()
        .await?;
    let said = String::from_utf8_lossy(&ended.stdout);
    Ok(said.trim().parse().ok().filter(|_| ended.status.success()))
}

/// Reads a repository behind a URL.
pub(super) async fn of_remote(url: &str) -> Result<Heads, GitError> {
    let what = format!("reading the branches of {}", redact(url));
    let git = Git::new(&what).args(["ls-remote", "--symref", "--", url]);
    let output = git
        .deadline(REMOTE)
        .limit(LIMIT)
        .run()
        .await
        .map_err(|error| explain(url, error))?;
    parse_remote(&output).ok_or_else(|| unreadable(&what, &output))
}

fn explain(url: &str, error: GitError) -> GitError {
    match error {
        GitError::Failed { detail, .. }
            if detail.contains("does not appear to be a git repository")
                || detail.contains("not found") =>
        {
            GitError::NotRepository {
                place: redact(url),
                detail,
            }
        }
        other => other,
    }
}

fn unreadable(what: &str, output: &[u8]) -> GitError {
    let detail = String::from_utf8_lossy(output).chars().take(200).collect();
    GitError::Unreadable {
        what: what.to_owned(),
        detail,
    }
}

/// Lines of `<commit> <'*' or ' '> <ref>`.
fn parse_local(output: &[u8]) -> Option<Heads> {
    let mut heads = Heads::default();
    for line in lines(output) {
        let (commit, rest) = line.split_once(' ')?;
        let (mark, name) = rest.split_at_checked(2)?;
        let name = name.strip_prefix(BRANCHES)?;
        if mark == "* " {
            heads.default = Some(name.to_owned());
        }
        heads
            .branches
            .insert(name.to_owned(), CommitId::from_str(commit).ok()?);
    }
    Some(heads)
}

/// Lines of `ref: <ref>\tHEAD` and `<commit>\t<ref>`.
fn parse_remote(output: &[u8]) -> Option<Heads> {
    let mut heads = Heads::default();
    for line in lines(output) {
        let (left, name) = line.split_once('\t')?;
        if let Some(target) = left.strip_prefix("ref: ") {
            if name == "HEAD" {
                heads.default = target.strip_prefix(BRANCHES).map(str::to_owned);
            }
        } else if let Some(name) = name.strip_prefix(BRANCHES) {
            heads
                .branches
                .insert(name.to_owned(), CommitId::from_str(left).ok()?);
        }
    }
    Some(heads.with_default())
}

fn lines(output: &[u8]) -> impl Iterator<Item = &str> {
    let lines = output
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.filter_map(|line| std::str::from_utf8(line).ok())
}

impl Heads {
    /// A `HEAD` that names a branch not born yet names no default.
    fn with_default(mut self) -> Self {
        let named = self
            .default
            .take()
            .filter(|name| self.branches.contains_key(name));
        let usual = || {
            ["main", "master"]
                .into_iter()
                .find(|name| self.branches.contains_key(*name))
        };
        let only = || {
            self.branches
                .keys()
                .next()
                .filter(|_| self.branches.len() == 1)
                .cloned()
        };
        self.default = named.or_else(|| usual().map(str::to_owned)).or_else(only);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn what_a_remote_lists_beside_branches_is_left_out() {
        let output = format!(
            "ref: refs/heads/trunk\tHEAD\n{A}\tHEAD\n{A}\trefs/heads/a/b\n{A}\trefs/heads/trunk\n\
             {A}\trefs/pull/1/head\n{A}\trefs/tags/v1\nref: refs/heads/x\trefs/remotes/origin/HEAD\n"
        );
        let heads = parse_remote(output.as_bytes()).unwrap();
        assert_eq!(heads.default.as_deref(), Some("trunk"));
        assert_eq!(heads.branches.keys().collect::<Vec<_>>(), ["a/b", "trunk"]);
    }

    #[test]
    fn a_default_is_found_where_head_names_none() {
        let local = |lines: &str| {
            parse_local(lines.replace('A', A).as_bytes())
                .unwrap()
                .with_default()
                .default
        };
        assert_eq!(
            local("A   refs/heads/a\nA * refs/heads/b\n").as_deref(),
            Some("b")
        );
        assert_eq!(
            local("A   refs/heads/a\nA   refs/heads/master\n").as_deref(),
            Some("master")
        );
        assert_eq!(local("A   refs/heads/x\n").as_deref(), Some("x"));
        assert_eq!(local("A   refs/heads/x\nA   refs/heads/y\n"), None);
        assert_eq!(local(""), None);
    }

    #[test]
    fn a_name_that_is_not_utf8_is_left_out() {
        let mut output = format!("{A}   refs/heads/ok\n{A}   refs/heads/").into_bytes();
        output.extend_from_slice(b"\xff\n");
        assert_eq!(parse_local(&output).unwrap().branches.len(), 1);
    }

    #[test]
    fn nonsense_is_not_taken_for_an_empty_repository() {
        assert_eq!(parse_remote(b"hello\n"), None);
        assert_eq!(parse_local(b"zzz   refs/heads/x\n"), None);
    }
}
