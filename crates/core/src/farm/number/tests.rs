use farm_model::Timestamp;
use proptest::prelude::*;

use super::*;

fn commit(number: u32) -> CommitInfo {
    CommitInfo {
        id: format!("{number:040x}").parse().unwrap(),
        parents: Vec::new(),
        author: String::new(),
        email: String::new(),
        time: Timestamp::UNIX_EPOCH,
        subject: String::new(),
    }
}

/// As a source tells it: newest first, and not more than are kept.
fn read(commits: &[u32]) -> Branch {
    Branch {
        repo: "sample".parse().unwrap(),
        name: "main".to_owned(),
        default: true,
        commits: commits
            .iter()
            .take(Branch::KEPT)
            .copied()
            .map(commit)
            .collect(),
        total: 0,
        observed: Timestamp::UNIX_EPOCH,
    }
}

fn number(branch: &Branch, of: u32) -> Option<u64> {
    branch.number_of(&commit(of).id)
}

#[test]
fn what_is_new_counts_on_and_a_rewritten_branch_from_what_is_left() {
    let first = numbered(None, read(&[3, 2, 1]));
    assert_eq!(
        (first.total, number(&first, 3), number(&first, 1)),
        (3, Some(2), Some(0))
    );
    let more = numbered(Some(&first), read(&[5, 4, 3, 2, 1]));
    assert_eq!(
        (more.total, number(&more, 5), number(&more, 1)),
        (5, Some(4), Some(0))
    );
    let rewritten = numbered(Some(&more), read(&[6, 3, 2, 1]));
    assert_eq!((rewritten.total, number(&rewritten, 6)), (4, Some(3)));
    let other = numbered(Some(&rewritten), read(&[8, 7]));
    assert_eq!((other.total, number(&other, 7)), (6, Some(4)));
}

#[test]
fn a_branch_that_shows_older_commits_than_were_ever_seen_begins_with_them() {
    let first = numbered(None, read(&[9, 8]));
    let rewound = numbered(Some(&first), read(&[8, 7, 6, 5]));
    assert_eq!((rewound.total, number(&rewound, 5)), (4, Some(0)));
    let kept = changed(Some(&first), &rewound);
    assert_eq!((kept.first, kept.commits.len(), kept.total), (0, 4, 4));
}

#[test]
fn only_what_has_changed_is_kept_and_shown_anew() {
    let before = numbered(None, read(&(0..70).rev().collect::<Vec<_>>()));
    let after = numbered(Some(&before), read(&(0..72).rev().collect::<Vec<_>>()));
    let mut effects = Effects::default();
    note_numbers(Some(&before), &after, &mut effects);
    assert_eq!(
        (effects.numbers[0].first, effects.numbers[0].total),
        (70, 72)
    );
    let sheets = |effects: &Effects| -> Vec<u64> {
        let sheet = |key: &ViewKey| match key {
            ViewKey::Sheet { sheet, .. } => Some(*sheet),
            _ => None,
        };
        effects.dirty.iter().filter_map(sheet).collect()
    };
    assert_eq!(sheets(&effects), [2]);
    let shorter = numbered(Some(&after), read(&(0..20).rev().collect::<Vec<_>>()));
    let mut effects = Effects::default();
    note_numbers(Some(&after), &shorter, &mut effects);
    assert!(effects.numbers[0].commits.is_empty());
    assert_eq!((sheets(&effects), shorter.total), (vec![0, 1, 2], 20));
}

/// What happens to a branch.
#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    /// So many are taken off, and others put in their place.
    Rewrite(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..150_usize).prop_map(Step::Push),
        1 => (1..120_usize, 0..5_usize).prop_map(|(off, on)| Step::Rewrite(off, on)),
    ]
}

proptest! {
    /// What is kept is always what the branch says, dense, and as it was where nothing was rewritten.
    #[test]
    fn numbers_are_dense_and_stay(steps in proptest::collection::vec(step(), 1..12)) {
        let mut line: Vec<u32> = vec![0];
        let mut next = 1;
        let mut branch = numbered(None, read(&line));
        let mut kept: Vec<CommitInfo> = all_numbers(&branch).commits;
        for step in steps {
            let (off, on) = match step {
                Step::Push(on) => (0, on),
                Step::Rewrite(off, on) => (off.min(line.len() - 1), on),
            };
            line.truncate(line.len() - off);
            line.extend(next..next + on as u32);
            next += on as u32;
            let newest: Vec<u32> = line.iter().rev().copied().collect();
            let after = numbered(Some(&branch), read(&newest));
            let numbers = changed(Some(&branch), &after);
            let first = usize::try_from(numbers.first).unwrap();
            prop_assert!(first <= kept.len(), "no gap");
            if off == 0 && on <= Branch::KEPT - branch.commits.len().min(Branch::KEPT) {
                prop_assert_eq!(first as u64, branch.total, "nothing is numbered again");
            }
            kept.truncate(first);
            kept.extend(numbers.commits);
            prop_assert_eq!(kept.len() as u64, after.total);
            let shown = after.commits.iter().rev();
            prop_assert!(shown.eq(&kept[kept.len() - after.commits.len()..]));
            branch = after;
        }
    }
}
