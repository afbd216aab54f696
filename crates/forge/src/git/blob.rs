//! One file of one commit: one `git cat-file --batch`.

use super::command::Git;
use super::error::GitError;

/// Of a file, in bytes: what is read so is written by people.
pub(super) const LIMIT: usize = 1 << 20;

/// What was found.
pub(super) struct Found {
    /// Whether the revision exists.
    pub(super) revision: bool,
    /// The file's text, if it is a file there.
    pub(super) text: Option<String>,
}

/// Reads `file` of the revision `rev` where `git` runs.
pub(super) async fn read(git: Git, rev: &str, file: &str) -> Result<Found, GitError> {
    let what = format!("reading {file} of {rev}");
    if rev.contains(['\n', ':']) || file.contains('\n') {
        return Err(GitError::Unreadable {
            what,
            detail: "a name with a line break".to_owned(),
        });
    }
    let asked = format!("{rev}^{{commit}}\n{rev}:{file}\n");
    let output = git
        .args(["cat-file", "--batch"])
        .stdin(asked.into_bytes())
        .limit(2 * LIMIT)
        .run()
        .await?;
    parse(&output).ok_or_else(|| GitError::Unreadable {
        what,
        detail: "an answer that was cut short".to_owned(),
    })
}

fn parse(output: &[u8]) -> Option<Found> {
    let (commit, rest) = object(output)?;
    let (file, _) = object(rest)?;
    let text = file
        .filter(|(kind, _)| *kind == "blob")
        .map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
    Some(Found {
        revision: commit.is_some(),
        text,
    })
}

/// An object's type and content, if it exists, and what follows it.
type Object<'a> = (Option<(&'a str, &'a [u8])>, &'a [u8]);

/// `<id> <type> <size>\n<content>\n`, or `<asked> missing\n` where there is none.
fn object(output: &[u8]) -> Option<Object<'_>> {
    let end = output.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = (&output[..end], &output[end + 1..]);
    if line.ends_with(b" missing") {
        return Some((None, rest));
    }
    let mut words = std::str::from_utf8(line).ok()?.split(' ').skip(1);
    let (kind, size) = (words.next()?, words.next()?.parse().ok()?);
    let (content, rest) = rest.split_at_checked(size)?;
    Some((Some((kind, content)), rest.strip_prefix(b"\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_a_missing_file_and_a_missing_commit_are_told_apart() {
        let found = parse(b"aa commit 3\nx\ny\nbb blob 4\na\n\nb\n").unwrap();
        assert_eq!(
            (found.revision, found.text.as_deref()),
            (true, Some("a\n\nb"))
        );
        let found = parse(b"aa commit 0\n\nHEAD:x missing\n").unwrap();
        assert_eq!((found.revision, found.text), (true, None));
        let found = parse(b"HEAD^{commit} missing\nHEAD:x missing\n").unwrap();
        assert_eq!((found.revision, found.text), (false, None));
        let folder = parse(b"aa commit 0\n\nbb tree 1\nx\n").unwrap();
        assert_eq!(folder.text, None);
        assert!(parse(b"aa commit 9\nx").is_none());
    }
}
