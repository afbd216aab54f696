//! A mirror of a source at a path, which lends its objects, and of one at a URL, which is fetched.

use farm_forge::git::{self, GitError, Mirror, Observation};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::repository::{COMMITTED, Repository, files};

struct Bench {
    folder: TempDir,
    source: Repository,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Repository::new(folder.path().join("source"));
        Self { folder, source }
    }

    /// The source as a path and as a URL: both must read alike.
    fn mirrors(&self) -> [Mirror; 2] {
        let path = self.source.path.display().to_string();
        let mirror = |name: &str, url: &str| {
            Mirror::open(self.folder.path().join("deep/er").join(name), url)
        };
        [
            mirror("local", &path),
            mirror("remote", &format!("file://{path}")),
        ]
    }
}

fn subjects(observation: &Observation, branch: usize) -> Vec<&str> {
    observation.branches[branch]
        .commits
        .iter()
        .map(|commit| commit.subject.as_str())
        .collect()
}

#[tokio::test]
async fn branches_are_read_newest_first_and_followed_as_they_move() {
    let bench = Bench::new();
    bench.source.commit("one", "a", "1");
    let two = bench.source.commit("two", "a", "2");
    bench.source.git(&["branch", "release/1"]);
    bench.source.git(&["branch", "other"]);
    for mirror in bench.mirrors() {
        let seen = mirror.observe(&[], 10).await.unwrap();
        assert_eq!(subjects(&seen, 0), ["two", "one"]);
        let branch = &seen.branches[0];
        assert_eq!((branch.name.as_str(), branch.default), ("main", true));
        let commit = &branch.commits[0];
        assert_eq!((&commit.id, commit.author.as_str()), (&two, "Ann"));
        assert_eq!(commit.email, "ann@example.org");
        assert_eq!(commit.parents, [branch.commits[1].id.clone()]);

        let patterns = ["release/*".to_owned(), "main".to_owned()];
        let seen = mirror.observe(&patterns, 1).await.unwrap();
        let names: Vec<_> = seen.branches.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(
            (names, subjects(&seen, 0)),
            (vec!["main", "release/1"], vec!["two"])
        );
    }
    let mirrors = bench.mirrors();
    bench.source.commit("three", "a", "3");
    for mirror in &mirrors {
        let seen = mirror.observe(&[], 2).await.unwrap();
        assert_eq!(subjects(&seen, 0), ["three", "two"]);
    }
    // Rewritten history: what is gone is not shown.
    bench.source.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    bench.source.commit("other two", "a", "4");
    for mirror in &mirrors {
        let seen = mirror.observe(&[], 5).await.unwrap();
        assert_eq!(subjects(&seen, 0), ["other two", "one"]);
    }
}

#[tokio::test]
async fn files_and_archives_are_of_the_commit_asked_for() {
    let bench = Bench::new();
    let one = bench.source.commit("one", "a", "first");
    bench.source.commit("two", "a", "second");
    for mirror in bench.mirrors() {
        let file = mirror.file(&one, "a").await.unwrap();
        assert_eq!(file.as_deref(), Some("first"));
        assert_eq!(mirror.file(&one, "missing").await.unwrap(), None);
        let mut tar = Vec::new();
        let mut archive = mirror.archive(&one).await.unwrap();
        archive.read_to_end(&mut tar).await.unwrap();
        let has = |text: &[u8]| tar.windows(text.len()).any(|part| part == text);
        assert!(has(b"first") && !has(b"second"));
        // The file's time (octal, at 136 of its header) is the present, not the commit's.
        let header = tar
            .chunks(512)
            .find(|block| block.starts_with(b"a\0"))
            .unwrap();
        let octal = std::str::from_utf8(&header[136..147]).unwrap();
        let stamped = i64::from_str_radix(octal, 8).unwrap();
        assert!(stamped > COMMITTED + 1_000_000, "{stamped}");
        let nobody = "0".repeat(40).parse().unwrap();
        let error = mirror.file(&nobody, "a").await.unwrap_err();
        assert!(matches!(error, GitError::NoCommit { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_local_source_is_only_read() {
    let bench = Bench::new();
    let one = bench.source.commit("one", "a", "first");
    let before = files(&bench.source.path);
    let [mirror, _] = bench.mirrors();
    mirror.observe(&["*".to_owned()], 10).await.unwrap();
    mirror.file(&one, "a").await.unwrap();
    let mut archive = mirror.archive(&one).await.unwrap();
    archive.read_to_end(&mut Vec::new()).await.unwrap();
    git::show(&bench.source.path, "HEAD", "a").await.unwrap();
    git::heads(&bench.source.path.display().to_string())
        .await
        .unwrap();
    assert_eq!(files(&bench.source.path), before);
}

#[tokio::test]
async fn what_is_no_repository_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let error = git::heads(&path).await.unwrap_err().to_string();
    assert!(
        error.contains(&path) && error.contains("git init"),
        "{error}"
    );
    let mirror = Mirror::open(folder.path().join("mirror"), &format!("{path}/nowhere"));
    let error = mirror.observe(&[], 1).await.unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
}

#[tokio::test]
async fn a_repository_without_commits_has_no_branches() {
    let bench = Bench::new();
    for mirror in bench.mirrors() {
        assert_eq!(mirror.observe(&[], 5).await.unwrap().branches, []);
    }
    let text = git::show(&bench.source.path, "HEAD", "a").await.unwrap();
    assert_eq!(text, None);
}

/// What a mirror sees. Where a fetch was cut off, git shows no parents.
async fn shown(mirror: &Mirror, depth: usize) -> Observation {
    let mut seen = mirror.observe(&[], depth).await.unwrap();
    for branch in &mut seen.branches {
        branch.commits.last_mut().unwrap().parents.clear();
    }
    seen
}

/// A mirror that has followed a branch says the same as one that reads it for the first time.
async fn same_as_fresh(bench: &Bench, followed: &[Mirror; 2], depth: usize) {
    for mirror in followed {
        let folder = tempfile::tempdir_in(bench.folder.path()).unwrap();
        let path = bench.source.path.display().to_string();
        let fresh = shown(&Mirror::open(folder.path().join("mirror"), &path), depth).await;
        assert_eq!(shown(mirror, depth).await, fresh);
        let head = &fresh.branches[0].commits[0].id;
        let text = mirror.file(head, "a").await.unwrap();
        assert_eq!(
            text,
            Some(std::fs::read_to_string(bench.source.path.join("a")).unwrap())
        );
        assert_eq!(mirror.file(head, "missing").await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_is_followed_is_what_is_read_afresh() {
    let bench = Bench::new();
    let source = &bench.source;
    for number in 0..6 {
        source.commit(&format!("{number}"), "a", &format!("{number}"));
    }
    let mirrors = bench.mirrors();
    same_as_fresh(&bench, &mirrors, 4).await;
    source.commit("two lines\nof one paragraph\n\nand a body", "a", "x");
    same_as_fresh(&bench, &mirrors, 4).await;
    source.commit("\u{e4}\u{1f600} <odd>   ", "a", "y");
    source.git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "--allow-empty-message",
        "--message",
        "",
    ]);
    same_as_fresh(&bench, &mirrors, 4).await;
    source.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    source.commit("side", "b", "b");
    source.git(&["checkout", "--quiet", "main"]);
    source.git(&["merge", "--quiet", "--no-ff", "--message", "merged", "side"]);
    same_as_fresh(&bench, &mirrors, 4).await;
    let latin = ["-c", "i18n.commitEncoding=ISO-8859-1"];
    source.git(
        &[
            &latin[..],
            &["commit", "--quiet", "--allow-empty", "--message", "latin"],
        ]
        .concat(),
    );
    same_as_fresh(&bench, &mirrors, 4).await;
    // All objects move into a pack while a git has the loose ones in mind.
    source.commit("before", "a", "z");
    same_as_fresh(&bench, &mirrors, 4).await;
    source.git(&["gc", "--quiet", "--prune=now"]);
    source.commit("after", "a", "zz");
    same_as_fresh(&bench, &mirrors, 4).await;
    // Back, so that older commits come into sight again.
    source.git(&["reset", "--quiet", "--hard", "HEAD~3"]);
    same_as_fresh(&bench, &mirrors, 4).await;
}

#[tokio::test]
async fn a_commit_that_is_checked_out_without_a_branch_is_what_is_built() {
    let bench = Bench::new();
    let one = bench.source.commit("one", "a", "1");
    bench.source.commit("two", "a", "2");
    bench
        .source
        .git(&["checkout", "--quiet", "--detach", one.as_str()]);
    let [mirror, _] = bench.mirrors();
    let seen = mirror.observe(&[], 5).await.unwrap();
    let branch = &seen.branches[0];
    assert_eq!((branch.name.as_str(), branch.default), ("HEAD", true));
    assert_eq!(subjects(&seen, 0), ["one"]);
    bench.source.git(&["branch", "--quiet", "-D", "main"]);
    assert_eq!(subjects(&mirror.observe(&[], 5).await.unwrap(), 0), ["one"]);
}
