//! What is built against a commit that its branch has no more is not wanted either.

use farm_model::id::BuildId;

use super::*;

const AGAINST: &str = r#"
name = "t"
[hosts.local]
[builders.linux-amd64]
host = "local"
recipe = "go"
snapshot = false
[repositories.sample]
url = "/src"
main = true
[repositories.tools]
url = "/tools"
against = "sample"
"#;

fn tools(t: &mut Dialogue) {
    let branch = Branch {
        repo: "tools".parse().unwrap(),
        name: "main".to_owned(),
        default: true,
        commits: vec![commit(70)],
        total: 0,
        observed: t.now,
    };
    t.tell(Fact::Observed(Observation {
        repo: branch.repo.clone(),
        branches: vec![branch],
        at: t.now,
        trace: None,
    }));
}

/// The build of the sub-repository against a commit, and how it stands.
fn against(t: &Dialogue, number: u32) -> Option<Status> {
    let of = |id: &&BuildId| {
        let key = &t.farm.build(id).unwrap().key;
        key.against
            .as_ref()
            .is_some_and(|of| of.commit == commit(number).id)
    };
    let builds = t.saved.builds.iter().map(|build| &build.id);
    builds.filter(of).find_map(|id| t.farm.status(id))
}

#[test]
fn builds_against_a_commit_that_is_gone_end_with_it() {
    let mut t = Dialogue::with(configured(AGAINST, 3, 1));
    t.push(&[2, 1]);
    tools(&mut t);
    assert_eq!(against(&t, 2), Some(Status::Queued));
    t.push(&[3, 1]);
    assert_eq!(against(&t, 2), Some(Status::Lost));
    assert_eq!(against(&t, 3), Some(Status::Queued));
    // And they are wanted again with it.
    t.push(&[2, 1]);
    assert_eq!(against(&t, 2), Some(Status::Queued));
    assert_eq!(against(&t, 3), Some(Status::Lost));
}
