//! Commits that turned builders red.

use farm_model::view::{Breakage, BreakagesView, Mended};

use super::{HOSTILE, at, commit, failure, key_of};

pub fn breakages() -> BreakagesView {
    let mended = Mended {
        commit: commit('a', HOSTILE).id,
        at: at("09:50:00"),
    };
    BreakagesView {
        made: at("10:04:00"),
        repo: "demo".parse().unwrap(),
        branch: "main".to_owned(),
        breakages: vec![
            breakage("pi", 'a', 'b', None),
            breakage("linux-test", 'c', 'd', Some(mended)),
        ],
    }
}

fn breakage(builder: &str, broken: char, green: char, mended: Option<Mended>) -> Breakage {
    let commit = commit(broken, HOSTILE);
    Breakage {
        builder: builder.parse().unwrap(),
        repo: "demo".parse().unwrap(),
        branch: "main".to_owned(),
        subject: commit.subject.clone(),
        author: format!("{} <{}>", commit.author, commit.email),
        green: green.to_string().repeat(40).parse().unwrap(),
        build: key_of(builder, &commit).id(),
        run: 1,
        failure: failure(builder),
        commit: commit.id,
        at: at("09:40:00"),
        mended,
    }
}
