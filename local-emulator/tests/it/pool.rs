//! Local machines come with the queue, up to a bound, and go when it is quiet, down to another.

use std::path::Path;

use crate::up::running;
use farm_harness::{Repository, until};

/// Four builders that run until they are let go.
fn farm_toml(folder: &Path) -> String {
    let wait = format!(
        "while [ ! -e {}/go ]; do sleep 0.05; done",
        folder.display()
    );
    let mut text = "[hosts.bench]\nclean = \"none\"\n[repositories.demo]\n".to_owned();
    for number in 1..=4 {
        text += &format!(
            "[builders.b{number}]\nhost = \"bench\"\nsteps = [{{ name = \"wait\", run = \"{wait}\" }}]\n"
        );
    }
    text
}

/// How many local machines run there.
fn machines(folder: &Path) -> usize {
    let work = folder.join(".farm/machines").display().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|p| std::fs::read_to_string(p.path().join("cmdline")).ok());
    lines
        .filter(|line| line.contains("--until-stdin-closes") && line.contains(&work))
        .count()
}

async fn become_many(folder: &Path, count: usize) {
    until("the number of machines to change", async || {
        let there = machines(folder);
        if there == count { Ok(()) } else { Err(there) }
    })
    .await;
}

#[tokio::test]
async fn machines_go_when_it_is_quiet_and_come_back_with_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let repository = Repository::new(&root.join("mine"), &farm_toml(&root), "true");
    let go = root.join("go");
    std::fs::write(&go, "").unwrap();
    let path = repository.path.display().to_string();
    let limits = [
        "--machines",
        "3",
        "--idle-machines",
        "1",
        "--idle-after",
        "1",
    ];
    let args = [&["--repo", &path, "--json"], &limits[..]].concat();
    let (process, _) = running(&root, &args).await;
    let built = async |count: usize| {
        until("all to be built", async || {
            let output = process.output();
            let lines = output.lines().filter(|line| line.starts_with('{'));
            if lines.count() == count {
                Ok(())
            } else {
                Err(output)
            }
        })
        .await;
    };
    built(4).await;
    become_many(&root, 1).await;

    std::fs::remove_file(&go).unwrap();
    repository.commit("waits", "true");
    become_many(&root, 3).await;
    std::fs::write(&go, "").unwrap();
    built(8).await;
    assert!(
        !process.output().contains("\"lost\""),
        "{}",
        process.output()
    );
    become_many(&root, 1).await;
    assert_eq!(process.stop().await.code(), Some(0));
    assert_eq!(machines(&root), 0);
}
