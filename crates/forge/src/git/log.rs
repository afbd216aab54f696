//! The newest commits of a branch, as `git log` tells them.

use std::str::FromStr;

use farm_model::Timestamp;
use farm_model::id::CommitId;
use farm_model::record::CommitInfo;

/// Fields of one commit, each ended by NUL, which none of them can hold.
pub(super) const FORMAT: &str = "--format=tformat:%H%x00%P%x00%an%x00%ae%x00%ct%x00%s";
const FIELDS: usize = 6;
/// Of a subject, in characters; people have pasted whole logs there.
const SUBJECT: usize = 300;
/// Of a name or address, in characters.
const NAME: usize = 120;

/// Reads the output of `git log -z` in [`FORMAT`]. None if it is something else.
pub(super) fn parse(output: &[u8]) -> Option<Vec<CommitInfo>> {
    if output.is_empty() {
        return Some(Vec::new());
    }
    let fields: Vec<&[u8]> = output
        .strip_suffix(b"\0")?
        .split(|byte| *byte == 0)
        .collect();
    let commits = fields.chunks(FIELDS);
    commits
        .map(|fields| commit(fields.try_into().ok()?))
        .collect()
}

fn commit([id, parents, author, email, time, subject]: [&[u8]; FIELDS]) -> Option<CommitInfo> {
    let parents = std::str::from_utf8(parents).ok()?.split_ascii_whitespace();
    Some(CommitInfo {
        id: self::id(id)?,
        parents: parents
            .map(CommitId::from_str)
            .collect::<Result<_, _>>()
            .ok()?,
        author: plain(author, NAME),
        email: plain(email, NAME),
        time: time_of(std::str::from_utf8(time).ok()?)?,
        subject: plain(subject, SUBJECT),
    })
}

/// Reads a commit object as `git log` would show it. None for what only git itself reads right: another encoding, a
/// malformed line.
pub(super) fn parse_object(id: &CommitId, object: &[u8]) -> Option<CommitInfo> {
    let mut lines = object.split(|byte| *byte == b'\n');
    let (mut parents, mut author, mut committer) = (Vec::new(), None, None);
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let (key, value) = line.split_at(line.iter().position(|byte| *byte == b' ')?);
        let value = &value[1..];
        match key {
            b"parent" => parents.push(self::id(value)?),
            b"author" => author = Some(person(value)?),
            b"committer" => committer = Some(person(value)?),
            b"encoding" => return None,
            _ => {}
        }
    }
    let ((name, email, _), (_, _, time)) = (author?, committer?);
    Some(CommitInfo {
        id: id.clone(),
        parents,
        author: plain(name, NAME),
        email: plain(email, NAME),
        time: time_of(std::str::from_utf8(time).ok()?)?,
        subject: plain(&subject(lines), SUBJECT),
    })
}

/// `Name <address> seconds zone`.
fn person(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let open = line.iter().position(|byte| *byte == b'<')?;
    let close = line.iter().position(|byte| *byte == b'>')?;
    let (name, email) = (&line[..open], line.get(open + 1..close)?);
    let rest = line[close + 1..].strip_prefix(b" ")?;
    let seconds = rest.split(|byte| *byte == b' ').next()?;
    Some((name, email, seconds))
}

/// The lines of the first paragraph, joined by spaces.
fn subject<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let lines = lines.map(<[u8]>::trim_ascii_end);
    let paragraph = lines.skip_while(|line| line.is_empty());
    let paragraph: Vec<&[u8]> = paragraph.take_while(|line| !line.is_empty()).collect();
    paragraph.join(&b' ')
}

fn id(bytes: &[u8]) -> Option<CommitId> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Seconds since 1970; what lies outside of all calendars is moved to their end.
fn time_of(text: &str) -> Option<Timestamp> {
    let seconds: i64 = text.parse().ok()?;
    let end = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Some(Timestamp::from_second(seconds).unwrap_or(end))
}

/// One line of text: bytes that are not UTF-8 replaced, control characters made spaces, cut to `most` characters.
fn plain(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut characters = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c });
    let mut kept: String = characters.by_ref().take(most).collect();
    if characters.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn two_commits_are_read() {
        let output = format!("{A}\0{A} {A}\0Ann\0a@x\0100\0subject\0{A}\0\0\0\0-5\0\0");
        let commits = parse(output.as_bytes()).unwrap();
        assert_eq!(commits.len(), 2);
        assert_eq!((commits[0].parents.len(), commits[1].parents.len()), (2, 0));
        assert_eq!(
            (commits[0].subject.as_str(), commits[0].time.as_second()),
            ("subject", 100)
        );
        assert_eq!(
            (commits[1].author.as_str(), commits[1].time.as_second()),
            ("", -5)
        );
        assert_eq!(parse(b""), Some(Vec::new()));
    }

    #[test]
    fn a_commit_object_is_read_as_log_shows_it() {
        let id: CommitId = A.parse().unwrap();
        let head = format!(
            "tree {A}\nparent {A}\nauthor Ann B <a@x> 5 +0100\ncommitter C <c@x> 100 +0000\n\
             gpgsig -----BEGIN\n \n line\n -----END\n"
        );
        let read = |message: &str| parse_object(&id, format!("{head}\n{message}").as_bytes());
        let commit = read("\n  \none\ntwo  \n\nbody\n").unwrap();
        assert_eq!(
            (commit.author.as_str(), commit.email.as_str()),
            ("Ann B", "a@x")
        );
        assert_eq!((commit.time.as_second(), commit.parents.len()), (100, 1));
        assert_eq!(commit.subject, "one two");
        assert_eq!(read("").unwrap().subject, "");
        let latin = head.replace("gpgsig", "encoding ISO-8859-1\ngpgsig");
        assert_eq!(parse_object(&id, latin.as_bytes()), None);
        assert_eq!(parse_object(&id, b"tree x\n\nno author"), None);
    }

    #[test]
    fn what_is_cut_short_is_not_read() {
        assert_eq!(parse(A.as_bytes()), None);
        assert_eq!(parse(format!("{A}\0\0a\0b\0").as_bytes()), None);
    }

    #[test]
    fn odd_bytes_become_one_line_of_text() {
        assert_eq!(plain(b"a\xffb\x1b[31m\rc\td", 100), "a\u{fffd}b [31m c d");
        assert_eq!(plain("ääää".as_bytes(), 3), "ää…");
        assert_eq!(plain("äää".as_bytes(), 3), "äää");
    }

    #[test]
    fn a_time_outside_of_all_calendars_is_kept_in_them() {
        assert_eq!(time_of("999999999999999"), Some(Timestamp::MAX));
        assert_eq!(time_of("x"), None);
    }
}
